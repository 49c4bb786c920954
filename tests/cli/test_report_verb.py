"""`unreel report`: one run or several, in one file or with its pictures beside it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from outline import Outline
from retrievals import changed
from shown_runs import as_prepared, finetuned_run, made_up_retrieval, pretrained_run
from tables import write_rows

from unreel.cli.inputs.contents import read_run, training_seconds
from unreel.cli.report import main
from unreel.errors import CollectionError, OverwriteError, RunError
from unreel.evaluation.results import read_retrievals, write_retrievals
from unreel.search.rows import EmbeddingRow
from unreel.video.collection.manifest import Manifest

Make = Callable[..., Any]


def test_the_time_of_training_is_that_of_all_steps() -> None:
    paces = {1: 3.0, 10: 0.5, 20: 0.25, 25: 2.0}
    metrics: list[dict[str, int | float]] = [{"step": 0, "knn/class": 0.2}]
    for step, pace in paces.items():
        metrics += [{"step": step, "seconds/step": pace}, {"step": step, "knn/class": 0.2}]
    assert training_seconds(metrics) == pytest.approx(1 * 3.0 + 9 * 0.5 + 10 * 0.25 + 5 * 2.0)
    assert training_seconds(metrics[:1]) == 0


@pytest.fixture
def manifest(make_manifest: Make) -> Manifest:
    """A prepared folder of twelve videos."""
    made: Manifest = make_manifest()
    return as_prepared(made)


def _embedded(run: Path, encoder: str, manifest: Manifest) -> None:
    ids = [record.id for record in manifest.usable]
    rows = [
        EmbeddingRow(each, "video", f"/v/{each}", "/v", 0.0, 1.0, "", {}, 0, each, encoder, "abc", "5") for each in ids
    ]
    vectors = np.random.default_rng(0).normal(size=(len(ids), 4)).astype(np.float32)
    write_rows(run / "embeddings.lance", rows, vectors, encoder=encoder)


def _page(out: Path) -> tuple[str, Outline]:
    html = out.read_text(encoding="utf-8")
    return html, Outline(html)


def _scores(html: str) -> str:
    return str(re.findall(r'<table class="scores">.*?</table>', html, re.DOTALL)[1])


def test_one_run_is_told_with_all_it_left(
    manifest: Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = pretrained_run(tmp_path / "mine", manifest)
    _embedded(run, "hdc", manifest)
    out = tmp_path / "report.html"
    main([str(run), "--out", str(out), "--title", "Mine"])
    assert capsys.readouterr().out == f"report: {out}\n"
    html, outline = _page(out)
    assert outline.text["h1"] == ["Mine"]
    assert "hdc on videos" in html
    assert "<dt>weights α, β</dt><dd>(0.25, 0.5, 1.0), (0.25, 0.5, 1.0)</dd>" in html
    assert "<dt>minutes of training</dt><dd>2.0</dd>" in html
    assert len(outline.having("class", "map")) == 1
    assert len(outline.having("class", "query")) == 2 * 8
    assert "unreel evaluate retrieval runs/mine FOLDER" in html


def test_several_runs_share_one_page(manifest: Manifest, tmp_path: Path) -> None:
    runs = [pretrained_run(tmp_path / name, manifest, name, seed) for seed, name in enumerate(("sc", "hdc"))]
    for run in runs:
        _embedded(run, "hdc", manifest)
    runs.append(finetuned_run(tmp_path / "fine", manifest))
    out = tmp_path / "report.html"
    main([*map(str, runs), "--out", str(out)])
    html, outline = _page(out)
    assert "3 runs on videos" in html
    assert '<tr><th scope="row">seed</th><td>0</td><td>1</td><td>0</td></tr>' in html
    assert [each["aria-label"] for each in outline.having("role", "application")] == [
        "Map of hdc (sc): arrow keys go from video to video, Escape closes the preview",
        "Map of hdc (hdc): arrow keys go from video to video, Escape closes the preview",
    ]
    assert re.findall(r'<th scope="row">(\w+)</th>', _scores(html)) == ["untrained", "sc", "hdc"]
    assert "Top-1 of action</dt><dd><b>66.7 %</b>" in html
    assert "taken for" in html


def test_baselines_stand_beside_the_run_and_before_it(manifest: Manifest, tmp_path: Path) -> None:
    run = pretrained_run(tmp_path / "mine", manifest)
    result = run / "evaluation" / "retrieval.json"
    beside = changed(made_up_retrieval("motion-map", manifest, 3), level="clip")
    found = read_retrievals(result)
    result.unlink()
    write_retrievals(result, [beside, *found])
    main([str(run), "--out", str(tmp_path / "report.html")])
    html, _ = _page(tmp_path / "report.html")
    assert re.findall(r'<th scope="row">(.+?)</th>', _scores(html)) == ["motion-map", "untrained", "hdc"]
    assert "motion-map, the best of 2 → hdc; chance" in html
    assert "do not compare" not in html


def test_a_fine_tuned_run_alone(manifest: Manifest, tmp_path: Path) -> None:
    main([str(finetuned_run(tmp_path / "fine", manifest)), "--out", str(tmp_path / "report.html")])
    html, _ = _page(tmp_path / "report.html")
    assert "fine-tuning on videos" in html
    assert "<dt>weights begun with</dt><dd>random</dd>" in html
    assert 'id="retrieval"' not in html


def test_the_pictures_may_lie_beside_the_page(manifest: Manifest, tmp_path: Path) -> None:
    run = pretrained_run(tmp_path / "mine", manifest)
    for option in ("--split", "--split-files"):
        out = tmp_path / option / "report.html"
        main([str(run), "--out", str(out), option])
        assert len(list((out.parent / "report_files").glob("*.webp"))) == 12
    (tmp_path / "other_files").mkdir()
    (tmp_path / "other_files" / "mine.txt").touch()
    with pytest.raises(OverwriteError, match="other_files exists already"):
        main([str(run), "--out", str(tmp_path / "other.html"), "--split"])
    with pytest.raises(OverwriteError, match=r"report\.html exists already"):
        main([str(run), "--out", str(tmp_path / "--split" / "report.html")])


def test_what_is_no_run_is_named(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match=r"empty is no run folder: it holds no settings\.yaml, as `unreel pretrain`"):
        main([str(tmp_path / "empty"), "--out", str(tmp_path / "report.html")])
    run = pretrained_run(tmp_path / "mine", manifest)
    with pytest.raises(CollectionError, match=r"empty holds no retrieval\.json; .*unreel evaluate retrieval RUN"):
        main([str(run), "--out", str(tmp_path / "report.html"), "--evaluation", str(tmp_path / "empty")])


def test_a_run_without_versions_is_still_told(manifest: Manifest, tmp_path: Path) -> None:
    run = pretrained_run(tmp_path / "mine", manifest)
    (run / "versions.json").unlink()
    assert read_run(run, "mine").versions == {}
