"""The whole story on tiny videos, by the words a user types: from files to the page."""

import json
import re
from pathlib import Path

import pytest
from clips import Clip

from unreel.checkpoint import load_encoder
from unreel.cli import demo, evaluate, pretrain, synth
from unreel.errors import CollectionError
from unreel.evaluation.classification import read_classifications
from unreel.evaluation.results import read_retrievals
from unreel.search.table import read_vectors
from unreel.training.metrics import read_metrics
from unreel.video.collection.manifest import Manifest

TINY = ["--width", "0.0625", "--size", "32", "--batch-size", "8", "--loader-workers", "0"]


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("story")
    words = ["--shapes", "48", "--steps", "3", "--batch-size", "4"]
    demo.main([*words, "--out", str(folder / "demo")])
    return folder / "demo"


def test_the_demo_leaves_all_it_promises(demo_folder: Path) -> None:
    manifest = Manifest.read(demo_folder / "prepared")
    assert len(manifest.usable) == 48
    assert manifest.label_names == ("appearance", "motion")
    untrained, trained = read_retrievals(demo_folder / "run" / "evaluation" / "retrieval.json")
    assert (untrained.origin.encoder, trained.origin.encoder) == ("untrained", "hdc-small")
    assert {score.label for score in trained.scores} == {"appearance", "motion"}
    assert (trained.origin.seen, trained.origin.expected) == (48, 48)
    assert {1, 5, 10} <= trained.scores[0].hits.keys()
    tables = ("embeddings.lance", "embeddings-untrained.lance")
    vectors = [read_vectors(demo_folder / "run" / table) for table in tables]
    assert [(list(each), len(next(iter(each.values())))) for each in vectors] == [
        (["hdc-small"], 48),
        (["untrained"], 48),
    ]
    page = (demo_folder / "report.html").read_text()
    assert "Moving Shapes" in page
    assert not re.search(r"(src|href)=.https?:", page)


def test_a_second_demo_takes_the_next_name(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo-2").mkdir()
    assert demo.next_free(tmp_path / "demo") == tmp_path / "demo-3"
    assert demo.next_free(tmp_path / "other") == tmp_path / "other"


@pytest.mark.slow
def test_a_run_is_repeated_by_its_settings_file(demo_folder: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    words = [
        str(demo_folder / "prepared"),
        "--out",
        str(first),
        "--steps",
        "3",
        "--checkpoint-every",
        "2",
        "--seed",
        "4",
    ]
    pretrain.main([*words, *TINY])
    pretrain.main(["--config", str(first / "settings.yaml"), "--out", str(again)])
    assert load_encoder(first).checkpoint == load_encoder(again).checkpoint
    losses = [[line.get("loss") for line in read_metrics(run)] for run in (first, again)]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_videos_without_labels_are_pretrained_on_and_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    synth.main([str(tmp_path / "shapes"), "--videos", "8", "--frames", "20", "--side", "48", "--workers", "1"])
    flat = tmp_path / "flat"
    flat.mkdir()
    for number, file in enumerate(sorted((tmp_path / "shapes").rglob("*.mp4"))):
        file.rename(flat / f"{number}.mp4")
    (flat / "broken.mp4").write_bytes(b"not a video")
    run = tmp_path / "run"
    pretrain.main([str(flat), "--out", str(run), "--steps", "1", *TINY])
    assert "broken.mp4" in json.loads((run / "videos.json").read_text())["left_out"]
    evaluate.main(["retrieval", str(run), str(flat), "--out", str(run / "evaluation"), "--no-untrained"])
    (retrieval,) = read_retrievals(run / "evaluation" / "retrieval.json")
    assert retrieval.scores == ()
    assert len(retrieval.neighbours["0.mp4"]) == 7


@pytest.mark.slow
def test_a_group_is_kept_out_of_its_own_results(demo_folder: Path, tmp_path: Path) -> None:
    words = [str(demo_folder / "run"), str(demo_folder / "prepared"), "--out", str(tmp_path), "--no-untrained"]
    evaluate.main(["retrieval", *words, "--group-pattern", "/([a-z]+)-"])
    (retrieval,) = read_retrievals(tmp_path / "retrieval.json")
    assert retrieval.origin.split == "leave one group out"
    for query, hits in retrieval.neighbours.items():
        assert query.split("/")[1].split("-")[0] not in {hit.id.split("/")[1].split("-")[0] for hit in hits}
    evaluate.main(["linear", *words, "--group-pattern", "/([a-z]+)-"])
    probes = read_classifications(tmp_path / "linear.json")
    assert {probe.label for probe in probes} == {"appearance", "motion"}
    assert {probe.origin.split for probe in probes} == {"leave one group out"}


@pytest.mark.slow
def test_the_demo_takes_a_folder_of_few_videos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("run/a.mp4", "run/b.mp4", "walk/c.mp4", "walk/d.mp4"):
        Clip(width=64, height=48, frames=20).write(tmp_path / "videos" / name)
    (tmp_path / "videos" / "walk" / "text.mp4").write_text("no video")
    demo.main(["--videos", str(tmp_path / "videos"), "--steps", "2", "--out", str(tmp_path / "demo")])
    said = capsys.readouterr().out
    assert "4 videos prepared" in said
    assert "    walk/text.mp4: " in said
    assert "few videos: batches of 4 instead of 24" in said
    assert "text.mp4" in (tmp_path / "demo" / "report.html").read_text()


def test_a_wrong_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="does not exist"):
        demo.main(["--videos", str(tmp_path / "nowhere"), "--out", str(tmp_path / "demo")])
    assert list(tmp_path.iterdir()) == []
