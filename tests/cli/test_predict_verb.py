"""`unreel predict`: from a table and a few labels, or a fine-tuned run, to a label for every video."""

import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from clips import Clip
from tables import rows_for, tiny_weights, write_rows

import unreel
from unreel.annotations.segments import read_segments
from unreel.cli import embed, finetune, main, predict
from unreel.errors import CheckpointError, CollectionError, OverwriteError, SettingsError
from unreel.search.rows import EmbeddingRow

TINY = "--encoder r3d18 --width 0.0625 --size 28 --clip-length 8 --batch-size 4 --steps 2 --accelerator cpu --devices 1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve videos, a table of them, and a fine-tuned run."""
    folder = tmp_path_factory.mktemp("predict")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNREEL_CACHE", str(folder / "cache"))
        for number in range(12):
            name = f"{'ab'[number % 2]}/g{number // 4}_{number}.mp4"
            Clip(frames=12 + number, width=72, height=56).write(folder / "videos" / name)
        weights = tiny_weights(folder / "weights.safetensors")
        embed.main([str(weights), str(folder / "videos"), "--out", str(folder / "table.lance"), "--clips", "2"])
        run = ["--out", str(folder / "run"), "--group-pattern", "(g[0-9])_", "--test-groups", "g2", *TINY.split()]
        finetune.main([str(folder / "videos"), *run, "--loader-workers", "0"])
    return folder


@pytest.fixture(autouse=True)
def cache(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(made / "cache"))


def rows_in(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def separable(place: Path, count: int = 30) -> list[EmbeddingRow]:
    """A table whose videos lie around as many points as there are labels."""
    chance = np.random.default_rng(0)
    centres, rows, vectors = chance.normal(size=(3, 8)) * 5, [], []
    for number in range(count):
        label = ("hop", "sit", "run")[number % 3]
        own = rows_for(number, label=label)
        rows += own
        vectors += [centres[number % 3] + chance.normal(size=8)] * len(own)
    write_rows(place, rows, np.array(vectors, np.float32))
    return [row for row in rows if row.kind == "video"]


def test_a_few_labels_name_all_videos_of_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    videos = separable(tmp_path / "t.lance")
    given = {row.id: row.label for row in videos[:9]}
    lines = [f"{name},{label}" for name, label in given.items()]
    (tmp_path / "mine.csv").write_text("\n".join(["path,action", *lines, "gone.mp4,sit"]))
    out = tmp_path / "p.csv"
    predict.main([str(tmp_path / "t.lance"), "--labels", str(tmp_path / "mine.csv"), "--out", str(out)])
    said = capsys.readouterr().out
    assert "learning 3 classes of 'action' from 9 labelled videos" in said
    assert "labels of videos that are not here: 1 ('gone.mp4')" in said
    assert "right: 100.0 % of 9 videos" in said
    assert "5 folds of 9 videos" in said
    assert "predicted: 21 videos (7 hop, 7 run, 7 sit); 9 have the label that was given" in said
    rows = rows_in(out)
    assert list(rows[0]) == ["path", "label", "confidence", "given", "hop", "run", "sit"]
    assert {row["path"]: row["given"] for row in rows if row["given"]} == given
    assert all(row["label"] == row["path"].split("/")[0] for row in rows)
    assert all(float(row["confidence"]) == float(row[row["label"]]) for row in rows)
    predict.main([str(tmp_path / "t.lance"), "--out", str(tmp_path / "own.csv")])  # by the labels of the table
    assert "30 have the label that was given" in capsys.readouterr().out


def test_other_videos_are_embedded_as_the_table_was(made: Path, tmp_path: Path) -> None:
    table = str(made / "table.lance")
    predict.main([table, "--out", str(tmp_path / "own.csv")])
    predict.main([table, str(made / "videos"), "--out", str(tmp_path / "others.csv"), "--loader-workers", "0"])
    own, others = rows_in(tmp_path / "own.csv"), rows_in(tmp_path / "others.csv")
    assert [row["path"] for row in own] == [row["path"] for row in others]
    assert all(row["given"] for row in own)
    assert not any(row["given"] for row in others)
    found = unreel.load_classifier(table).predict(made / "videos")
    assert [f"{row.confidence:.6f}" for row in found.rows()] == [f"{float(row['confidence']):.6f}" for row in others]


def test_a_run_predicts_and_says_how_right_it_was(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(made / "run"), str(made / "videos"), "--loader-workers", "0", "--accelerator", "cpu"]
    predict.main([*words, "--out", str(tmp_path / "p.csv"), "--unknown-below", "0.99"])
    said = capsys.readouterr().out
    assert "of 4 videos" in said
    assert "held out of fine-tuning (groups g2, test)" in said
    assert "without a label, as their confidence is below 0.99: 12" in said
    rows = rows_in(tmp_path / "p.csv")
    assert len(rows) == 12
    assert {row["label"] for row in rows} == {""}
    found = unreel.load_classifier(made / "run")
    assert (found.label, found.classes) == ("class", ("a", "b"))
    (alone,) = found.predict(made / "videos" / "a" / "g0_0.mp4").rows()
    assert alone.shares == pytest.approx([float(rows[0][name]) for name in "ab"], abs=1e-6)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["{made}/table.lance", "--out", "p.txt"], SettingsError, r"expected a name that ends in \.csv"),
        (["{made}/table.lance", "--out", "{made}/table.lance"], SettingsError, r"expected a name that ends in"),
        (["{made}/nothing", "{made}/videos", "--out", "p.csv"], CheckpointError, "nothing holds no weights"),
        (["{made}/weights.safetensors", "{made}/videos", "--out", "p.csv"], CheckpointError, "knows no classes"),
        (["{made}/run", "--out", "p.csv"], SettingsError, "expected a folder of videos after"),
        (["{made}/run", "{made}/videos", "--label", "x", "--out", "p.csv"], SettingsError, "label is given, but"),
        (
            ["{made}/table.lance", "--labels", "none", "--out", "p.csv"],
            CollectionError,
            "has no labels, predicting needs",
        ),
        (["{made}/table.lance", "--label", "x", "--out", "p.csv"], CollectionError, "has no label 'x'"),
        (["{made}/table.lance", "--labels", "{made}/one.csv", "--out", "p.csv"], CollectionError, "1 different labels"),
    ],
)
def test_mistakes(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], error: type[Exception], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (made / "one.csv").write_text("path,action\na/g0_0.mp4,x\n")
    with pytest.raises(error, match=message):
        predict.main([word.format(made=made) for word in words])
    assert list(tmp_path.iterdir()) == []


def test_labels_in_time_for_the_tools_that_show_them(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--segments", "--every", "0.2", "--window", "0.4", "--shortest", "0.1", "--loader-workers", "0"]
    for model in ("table.lance", "run"):
        out = tmp_path / f"{model}.csv"
        predict.main([str(made / model), str(made / "videos"), "--out", str(out), *words])
        found = read_segments(out)
        assert len(found.paths) == 12
        assert set(found.labels) <= {"a", "b"}
        assert "segments in 12 videos" in capsys.readouterr().out
        for path in found.paths:
            own = found.of(path)
            assert own[0].start == 0
            assert all(one.end == other.start for one, other in pairwise(own))
    video = str(made / "videos" / "b" / "g2_11.mp4")
    for name, more in (("x.eaf", []), ("x.boris", []), ("x.json", ["--to", "label-studio"])):
        predict.main([str(made / "run"), video, "--out", str(tmp_path / name), *words, *more])
        own = read_segments(tmp_path / name, frame_rate=25.0)
        assert [each.label for each in own] == [each.label for each in found.of("b/g2_11.mp4")]
    monkeypatch.setattr("unreel.prediction.run_predictor.dense_windows", None)  # what would be computed first fails
    with pytest.raises(SettingsError, match="ELAN has one video in each file, and these are 12"):
        predict.main([str(made / "run"), str(made / "videos"), "--out", str(tmp_path / "all.eaf"), *words])


def test_nothing_is_overwritten(made: Path, tmp_path: Path) -> None:
    (tmp_path / "p.csv").touch()
    with pytest.raises(OverwriteError, match="exists already"):
        predict.main([str(made / "table.lance"), "--out", str(tmp_path / "p.csv")])


def test_help_says_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        predict.main(["--help"])
    assert "Give every video a label" in capsys.readouterr().out
    assert callable(main)
