"""`unreel figure`: every kind as a page, a PDF and a PNG, and what it says when it cannot."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from outline import Outline
from retrievals import changed
from shown_runs import as_prepared, finetuned_run, made_up_retrieval, pretrained_run

from unreel.cli.figure import HELP, main
from unreel.errors import CollectionError, SettingsError
from unreel.evaluation.results import write_retrievals
from unreel.video.collection.manifest import Manifest

Make = Callable[..., Any]

STARTS = {"html": b"<!doctype html>", "pdf": b"%PDF", "png": b"\x89PNG"}


@pytest.fixture
def manifest(make_manifest: Make) -> Manifest:
    """A prepared folder of twelve videos."""
    made: Manifest = make_manifest()
    return as_prepared(made)


@pytest.fixture
def runs(manifest: Manifest, tmp_path: Path) -> list[str]:
    """Two runs: the nearest videos that the first finds have another action, those of the second the same."""
    shifts = {"sc": 1, "hdc": 3}
    return [str(pretrained_run(tmp_path / name, manifest, name, shift=shift)) for name, shift in shifts.items()]


def _text(page: Path) -> dict[str, list[str]]:
    return Outline(page.read_text(encoding="utf-8")).text


@pytest.mark.parametrize("suffix", STARTS)
def test_every_kind_is_made_in_every_format(
    runs: list[str], manifest: Manifest, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fine = str(finetuned_run(tmp_path / "fine", manifest))
    ids = [record.id for record in manifest.usable]
    commands = {
        "retrieval": [*runs, "--pick", "differing"],
        "confusion": [fine],
        "classes": runs,
        "looks": [runs[0], str(manifest.root), "--query", ids[0], "--hit", ids[1], "--levels", "3", "5"],
    }
    for kind, words in commands.items():
        out = tmp_path / "figures" / f"{kind}.{suffix}"
        main([kind, *words, "--out", str(out)])
        assert out.read_bytes().startswith(STARTS[suffix])
        assert capsys.readouterr().out == f"figure: {out}\n"


def test_encoders_differ_and_are_called_as_wished(runs: list[str], tmp_path: Path) -> None:
    out = tmp_path / "figure.html"
    main(["retrieval", *runs, "--pick", "differing", "--rows", "2", "--names", "Only SC", "All", "--out", str(out)])
    text = _text(out)
    assert "2 of the 12 (of 12) queries on which the encoders differ" in " ".join(text["p"])
    assert [each for each in text["b"] if each in ("Only SC", "All")] == ["Only SC", "All"] * 3  # head, two rows
    assert "untrained" not in text["b"]


def test_the_untrained_are_shown_on_demand_and_labels_chosen(runs: list[str], tmp_path: Path) -> None:
    main(["retrieval", runs[0], "--untrained", "--label", "person", "--out", str(tmp_path / "figure.html")])
    text = _text(tmp_path / "figure.html")
    assert text["b"].count("untrained") == 1 + 4
    assert text["p"][1].startswith("Right and wrong by person.")


def test_queries_may_be_named(runs: list[str], manifest: Manifest, tmp_path: Path) -> None:
    query = manifest.usable[5].id
    main(["retrieval", *runs, "--queries", query, "--hits", "5", "--out", str(tmp_path / "figure.html")])
    outline = Outline((tmp_path / "figure.html").read_text(encoding="utf-8"))
    assert len(outline.having("class", "asked")) == 1
    assert len(outline.having("class", "found")) == 2 * 5
    assert "1 of 12 queries, chosen by hand." in outline.text["p"][1]


def test_a_video_that_is_gone_is_told(
    runs: list[str], manifest: Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = manifest.usable[0]
    manifest.file(gone).unlink()
    main(["retrieval", *runs, "--queries", gone.id, "--out", str(tmp_path / "figure.pdf")])
    assert f"  not shown: {gone.id}: " in capsys.readouterr().out


def test_one_of_several_splits_is_shown(manifest: Manifest, tmp_path: Path) -> None:
    results = [changed(made_up_retrieval("hdc", manifest, shift), split=split) for split, shift in (("1", 1), ("2", 3))]
    write_retrievals(tmp_path / "retrieval.json", results)
    for words, verdict in (([], "wrong"), (["--split", "2"], "right")):
        out = tmp_path / f"{verdict}.html"
        main(["retrieval", str(tmp_path / "retrieval.json"), *words, "--out", str(out)])
        outline = Outline(out.read_text(encoding="utf-8"))
        assert len(outline.having("class", verdict)) == len(outline.having("class", "found")) == 4
    with pytest.raises(SettingsError, match=r"got --split '9', expected one that the results have: 1, 2\."):
        main(["retrieval", str(tmp_path), "--split", "9", "--out", str(tmp_path / "none.html")])


def test_neighbours_and_classifiers_have_matrices(runs: list[str], manifest: Manifest, tmp_path: Path) -> None:
    main(["confusion", *runs, "--out", str(tmp_path / "neighbours.html")])
    text = _text(tmp_path / "neighbours.html")
    assert [each for each in text["b"] if each in ("sc", "hdc")] == ["sc", "hdc"]
    fine = [str(finetuned_run(tmp_path / name, manifest)) for name in ("one", "two")]
    main(["confusion", *fine, "--out", str(tmp_path / "two.pdf")])
    assert (tmp_path / "two.pdf").read_bytes().count(b"/Type /Page ") == 2
    with pytest.raises(SettingsError, match="can hold one figure, got 2"):
        main(["confusion", *fine, "--out", str(tmp_path / "two.png")])


def test_results_of_two_kinds_do_not_mix(runs: list[str], manifest: Manifest, tmp_path: Path) -> None:
    fine = str(finetuned_run(tmp_path / "fine", manifest))
    with pytest.raises(CollectionError, match=r"fine hold recognition\.json, the others do not: expected results of"):
        main(["classes", fine, runs[0], "--out", str(tmp_path / "figure.html")])
    write_retrievals(
        tmp_path / "retrieval.json",
        [replace(each, scores=()) for each in [made_up_retrieval("hdc", manifest, 1)]],
    )
    with pytest.raises(CollectionError, match="hold no figures by class of ''"):
        main(["classes", str(tmp_path / "retrieval.json"), "--out", str(tmp_path / "figure.html")])


def test_mistakes_are_told(runs: list[str], manifest: Manifest, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "figure.html")]
    with pytest.raises(SettingsError, match=r"got figure 'table', expected one of: retrieval, confusion, classes, loo"):
        main(["table"])
    with pytest.raises(SettingsError, match=r"figure\.gif, expected one that ends in \.html, \.pdf, \.png"):
        main(["retrieval", *runs, "--out", str(tmp_path / "figure.gif")])
    with pytest.raises(SettingsError, match=r"got --names SC, expected 2 different ones, for the encoders sc, hdc\."):
        main(["retrieval", *runs, "--names", "SC", *out])
    with pytest.raises(SettingsError, match=r"got --label 'colour', expected one that there is: action, person\."):
        main(["retrieval", *runs, "--label", "colour", *out])
    with pytest.raises(
        CollectionError, match=r"empty holds no retrieval\.json; expected a run folder that was evaluated"
    ):
        main(["retrieval", str(tmp_path / "empty"), *out])
    with pytest.raises(SettingsError, match=r"evaluation: got .*at least 1 item"):
        main(["retrieval", *out])
    elsewhere = changed(made_up_retrieval("hdc", manifest, 1), collection="/nowhere")
    write_retrievals(tmp_path / "retrieval.json", [elsewhere])
    with pytest.raises(CollectionError, match=r"there is no /nowhere, where the videos of the results were.*--folder"):
        main(["retrieval", str(tmp_path / "retrieval.json"), *out])
    strange = {f"x{query}": hits for query, hits in elsewhere.neighbours.items()}
    write_retrievals(tmp_path / "retrieval.json", [replace(elsewhere, neighbours=strange)])
    words = ["confusion", str(tmp_path / "retrieval.json"), "--folder", str(manifest.root), *out]
    with pytest.raises(CollectionError, match=r"no query has a nearest neighbour with a label 'action' in videos: exp"):
        main(words)


def test_help_tells_the_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert capsys.readouterr().out.split() == HELP.split()
