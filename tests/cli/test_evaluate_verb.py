"""`unreel evaluate`: official splits with what is missing, hold-outs, every kind of evaluator, two results compared."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from clips import Clip
from official_lists import Plan, write_hmdb51, write_kinetics, write_ucf101
from retrievals import EMPTY, changed

from unreel import models
from unreel.checkpoint import WeightsHeader, save_weights
from unreel.cli.evaluate import main
from unreel.cli.tables.evaluation_tables import print_retrievals
from unreel.errors import CollectionError, SettingsError
from unreel.evaluation.classification import read_classifications
from unreel.evaluation.results import Retrieval, Score, read_retrievals, write_retrievals
from unreel.settings.encoder import BASELINES, EncoderSettings
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

ENCODER = EncoderSettings(width=0.0625, size=28, clip_length=8)
COMPUTE = ["--accelerator", "cpu", "--loader-workers", "0"]
CLASSES = ("Archery", "Bowling")
LISTED: Plan = {
    f"v_{label}_g{group:02}_c{clip:02}": (
        label,
        {split: "test" if group % 3 == int(split) - 1 else "train" for split in "123"},
    )
    for label in CLASSES
    for group in range(1, 7)
    for clip in (1, 2)
}
GONE, BROKEN = "v_Archery_g03_c01", "v_Bowling_g06_c02"  # both of the test part of split 1


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained encoder, as a weights file."""
    torch.manual_seed(7)
    path = tmp_path_factory.mktemp("run") / "weights.safetensors"
    state = {f"encoder.{name}": each for name, each in models.build_from(ENCODER).state_dict().items()}
    save_weights(path, state, WeightsHeader(ENCODER, "hdc-small", 0), step=0)
    return path


@pytest.fixture(scope="module")
def ucf101(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like UCF101's, prepared: 24 listed videos, one of them not there and one damaged."""
    folder = tmp_path_factory.mktemp("ucf101")
    write_ucf101(folder / "lists", LISTED)
    for number, (name, (label, _)) in enumerate(LISTED.items()):
        path = folder / "videos" / label / f"{name}.avi"
        if name != GONE:
            Clip(width=44, height=32, frames=8 + number, codec="mpeg4").write(path)
        if name == BROKEN:
            path.write_bytes(b"no video")
    options = PrepareOptions(ENCODER.prepared_side, layout="ucf101", lists=folder / "lists", workers=1)
    return prepare(folder / "videos", folder / "prepared", options).root


def _words(kind: str, run: Path, folder: Path, out: Path, *more: str) -> list[str]:
    return [kind, str(run), str(folder), "--out", str(out), *COMPUTE, *more]


def _said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_all_official_splits_count_what_their_lists_name(
    run: Path, ucf101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(_words("retrieval", run, ucf101, tmp_path, "--split", "all", "--protocol", "vcop", "--classes"))
    results = read_retrievals(tmp_path / "retrieval.json")
    assert [(each.origin.encoder, each.origin.split) for each in results] == [
        (encoder, split) for encoder in ("untrained", "hdc-small") for split in "123"
    ]
    for each in results:
        origin = each.origin
        parts = [splits[origin.split] for _, splits in LISTED.values()]
        assert (origin.gallery_expected, origin.queries_expected) == (
            parts.count("train"),
            parts.count("test"),
        )
        assert (origin.seen, origin.expected) == (22, 24)
        assert len(origin.missing) == 2
        sides = [LISTED[name][1][origin.split] for name in (GONE, BROKEN)]
        assert origin.gallery_seen == origin.gallery_expected - sides.count("train")
        assert origin.queries_seen == origin.queries_expected - sides.count("test")
        score = each.score("class")
        asked = {f"{label}/{name}.avi" for name, (label, splits) in LISTED.items() if splits[origin.split] == "test"}
        assert set(each.neighbours) == set(score.outcomes) <= asked
        assert all(len(hits) == origin.gallery_seen for hits in each.neighbours.values())
        assert {name: one.queries for name, one in score.classes.items()}.keys() == set(CLASSES)
        assert list(score.hits) == list(score.purity) == [1, 5, 10]
        assert (origin.protocol, origin.level, origin.collection) == (
            "vcop",
            5,
            str(ucf101.parent / "videos"),
        )
    said = _said(capsys)
    assert "retrieval by class: vcop, level 5" in said
    assert "22 of 24 (!)" in said
    assert "mean ± standard deviation over the splits 1, 2, 3" in said
    assert "hdc-small (!)" in said
    for split, gallery, queries in (("1", 16, 6), ("2", 14, 8), ("3", 14, 8)):
        assert f"(!) split {split}: seen 22 of 24 videos, gallery {gallery} of 16, queries {queries} of 8" in said
    assert f"{GONE}: named by the lists but not in the folder" in said
    assert f"Bowling/{BROKEN}.avi: not a video, or damaged beyond opening" in said
    assert "percent of each class" in said
    assert f"written to {tmp_path / 'retrieval.json'}" in said


@pytest.mark.parametrize("kind", ["knn", "linear"])
def test_classification_of_official_splits(
    kind: str, run: Path, ucf101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(_words(kind, run, ucf101, tmp_path, "--split", "1", "2", "--no-untrained", "--clips", "2"))
    results = read_classifications(tmp_path / f"{kind}.json")
    assert [each.origin.split for each in results] == ["1", "2"]
    for each in results:
        assert (each.origin.seen, each.origin.expected, each.videos) == (22, 24, each.origin.queries_seen)
        assert each.origin.protocol == "gap, 2 clips"
        assert list(each.accuracies) == (["k=1", "k=5", "k=5 weighted"] if kind == "knn" else ["top1"])
        told = [said[next(iter(said))] for said in each.predictions.values()]
        right = [label == video.split("/")[0] for label, video in zip(told, each.predictions, strict=True)]
        assert each.accuracy == pytest.approx(sum(right) / len(right))
    said = _said(capsys)
    assert "22 of 24 (!)" in said
    assert "mean ± standard deviation over the splits 1, 2" in said
    assert f"{GONE}: named by the lists" in said


@pytest.mark.parametrize("kind", ["retrieval", "knn", "linear"])
def test_baselines_are_evaluated_beside_a_run_on_the_same_clips(
    kind: str, run: Path, ucf101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--split", "1", "2", "--clips", "1", "--level", "3")
    main(_words(kind, run, ucf101, tmp_path / "run", *words, "--baselines"))
    said = _said(capsys)
    assert f"level 3 encoder split {'R@1' if kind == 'retrieval' else 'k=1' if kind == 'knn' else 'top1'}" in said
    read = read_retrievals if kind == "retrieval" else read_classifications
    results = read(tmp_path / "run" / f"{kind}.json")
    names = [*BASELINES, "untrained", "hdc-small"]
    assert [(each.origin.encoder, each.origin.split) for each in results] == [
        (one, two) for one in names for two in "12"
    ]
    assert all(name in said for name in names)
    assert {each.origin.level for each in results[:6]} == {"clip"}
    # by its name, shown the same, it finds the same
    alone = _words(kind, Path("motion-map"), ucf101, tmp_path / "map", *words[:5], "--size", "28", "--clip-length", "8")
    main(alone)
    assert read(tmp_path / "map" / f"{kind}.json") == results[:2]


def test_a_baseline_is_evaluated_beside_the_others(ucf101: Path, tmp_path: Path) -> None:
    main(_words("knn", Path("mean-frame"), ucf101, tmp_path, "--split", "1", "--clips", "1", "--baselines"))
    results = read_classifications(tmp_path / "knn.json")
    assert [each.origin.encoder for each in results] == ["motion-map", "colour-histogram", "mean-frame"]


def test_other_data_sets_by_their_lists(run: Path, tmp_path: Path) -> None:
    hmdb51: Plan = {
        f"Film{number}_wave_f_nm_np1_fr_med_{number}"
        if number % 2
        else f"Film{number}_clap_f_nm_np1_fr_med_{number}": (
            "wave" if number % 2 else "clap",
            {"1": "test" if number > 5 else "train"} if number else {},
        )
        for number in range(9)
    }
    kinetics: Plan = {
        f"{'_' * 10}{number}_00000{number}_00001{number}": (
            "abseiling" if number % 2 else "air drumming",
            {"1": "train" if number < 5 else "val" if number < 8 else "test"},
        )
        for number in range(9)
    }
    writes = {"hmdb51": (write_hmdb51, hmdb51, (5, 3)), "kinetics400": (write_kinetics, kinetics, (5, 3))}
    for layout, (write, plan, counts) in writes.items():
        write(tmp_path / layout / "lists", plan)
        for name, (label, _) in plan.items():
            folder = "test" if name.endswith("18") else label
            Clip(width=32, height=32, frames=8).write(tmp_path / layout / "videos" / folder / f"{name}.mp4")
        options = PrepareOptions(ENCODER.prepared_side, layout=layout, lists=tmp_path / layout / "lists", workers=1)
        prepared = prepare(tmp_path / layout / "videos", tmp_path / layout / "prepared", options).root
        out = tmp_path / layout / "evaluation"
        main(_words("retrieval", run, prepared, out, "--split", "1", "--no-untrained", "--clips", "1"))
        (found,) = read_retrievals(out / "retrieval.json")
        assert (found.origin.gallery_seen, found.origin.queries_seen) == counts
        assert (found.origin.seen, found.origin.expected, found.origin.missing) == (8, 8, {})


def test_hold_outs_of_any_folder(
    run: Path, ucf101: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    options = ["--no-untrained", "--clips", "1", "--test-share", "0.25"]
    random = _words("retrieval", run, ucf101, tmp_path / "random", *options, "--division", "random", "--drop-last", "2")
    main(random)
    (found,) = read_retrievals(tmp_path / "random" / "retrieval.json")
    assert found.origin.split == "random 25 %, seed 0"
    assert found.origin.protocol == "gap, 1 clip, last batch of 2 dropped"
    assert found.origin.expected == 24
    main(_words("linear", run, ucf101, tmp_path / "groups", *options, "--division", "groups", "--seed", "3"))
    (probe,) = read_classifications(tmp_path / "groups" / "linear.json")
    assert probe.origin.split == "groups 25 %, seed 3"
    # from the videos, with a pattern instead of the lists: what is prepared on the way has no list to miss anything
    videos = str(ucf101.parent / "videos")
    main(_words("knn", run, Path(videos), tmp_path / "one", *options, "--group-pattern", "_(g[0-9]+)_"))
    (told,) = read_classifications(tmp_path / "one" / "knn.json")
    assert (told.origin.split, told.origin.seen, told.origin.expected) == ("leave one group out", 22, 23)
    assert "22 of 23 (!)" in _said(capsys)


def test_lists_are_read_where_a_folder_is_prepared_on_the_way(
    run: Path, ucf101: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    videos, lists = ucf101.parent / "videos", ucf101.parent / "lists"
    words = ["--split", "3", "--layout", "ucf101", "--lists", str(lists), "--no-untrained", "--clips", "1"]
    main(_words("retrieval", run, videos, tmp_path / "out", *words))
    (found,) = read_retrievals(tmp_path / "out" / "retrieval.json")
    assert (found.origin.split, found.origin.seen, found.origin.expected) == ("3", 22, 24)


def test_two_results_are_compared(run: Path, ucf101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(_words("retrieval", run, ucf101, tmp_path / "one", "--split", "1", "2", "--clips", "1"))
    main(_words("retrieval", run, ucf101, tmp_path / "other", "--split", "2", "3", "--clips", "1", "--level", "3"))
    one, other = (str(tmp_path / name / "retrieval.json") for name in ("one", "other"))
    capsys.readouterr()
    main(["compare", one, one, "--encoders", "untrained", "hdc-small", "--k", "5"])
    said = _said(capsys)
    assert "by class, split 1:" in said
    assert "by class, split 2:" in said
    assert "first: untrained (" in said
    assert "), gap, 1 clip, level 5, seen 22 of 24 (!) second: hdc-small (" in said
    assert "p over queries, not over seeds of training: exact McNemar test (R@5)" in said
    main(["compare", one, other, "--label", "class"])
    said = _said(capsys)
    assert "split 2:" in said
    assert "split 1:" not in said
    assert "gap, 1 clip, level 3" in said
    with pytest.raises(CollectionError, match=r"has no encoder 'hdc'\. Its encoders are: untrained, hdc-small"):
        main(["compare", one, one, "--encoders", "hdc", "hdc-small"])
    write_retrievals(Path(other), [each for each in read_retrievals(Path(other)) if each.origin.split == "3"])
    with pytest.raises(CollectionError, match=r"is on 1, 2 and .* on 3, expected a split in common"):
        main(["compare", one, other])


def test_a_video_that_went_missing_since_is_named(
    run: Path, ucf101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = Manifest.read(ucf101)
    gone = next(each for each in manifest.usable if each.splits["2"] == "test")
    content = manifest.file(gone).read_bytes()
    manifest.file(gone).unlink()
    try:
        main(_words("retrieval", run, ucf101, tmp_path, "--split", "2", "--no-untrained", "--clips", "1"))
    finally:
        manifest.file(gone).write_bytes(content)
    (found,) = read_retrievals(tmp_path / "retrieval.json")
    assert (found.origin.seen, found.origin.expected) == (21, 24)
    assert f"{gone.id} cannot be read any more" in found.origin.missing[gone.id]
    assert f"queries {found.origin.queries_seen} of {found.origin.queries_expected}" in _said(capsys)


def test_many_missing_videos_are_named_in_part(capsys: pytest.CaptureFixture[str]) -> None:
    missing = {f"{number}.mp4": "damaged" for number in range(13)}
    print_retrievals([changed(EMPTY, seen=1, expected=14, missing=missing)])
    said = _said(capsys)
    assert "no label to evaluate by" in said
    assert "6.mp4: damaged and 3 more" in said


def test_recognition_is_evaluated_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    module = SimpleNamespace(main=lambda kind, arguments: called.append((kind, arguments)))
    monkeypatch.setitem(sys.modules, "unreel.cli.evaluate_recognition", module)
    main(["test", "run", "folder"])
    main(["finetune", "run"])
    assert called == [("test", ["run", "folder"]), ("finetune", ["run"])]


def test_mistakes(run: Path, ucf101: Path, tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"got evaluate 'retreival', expected one of: retrieval, knn, linear, compare"
    ):
        main(["retreival"])
    with pytest.raises(SettingsError, match="split is 1 and division is random, expected one of them"):
        main(_words("retrieval", run, ucf101, tmp_path, "--split", "1", "--division", "random"))
    with pytest.raises(SettingsError, match="drop_last is 8, but there is no gallery apart from the queries"):
        main(_words("retrieval", run, ucf101, tmp_path, "--drop-last", "8"))
    with pytest.raises(
        SettingsError, match=r"got size for .*, whose weights say that; expected it for one of motion-map"
    ):
        main(_words("retrieval", run, ucf101, tmp_path, "--size", "32"))
    with pytest.raises(SettingsError, match="frame_step is 2 and frame_rate 10, expected one of them"):
        main(_words("knn", Path("mean-frame"), ucf101, tmp_path, "--frame-step", "2", "--frame-rate", "10"))
    with pytest.raises(SettingsError, match="MotionMap cannot encode clips of 1 frames"):
        main(_words("linear", Path("motion-map"), ucf101, tmp_path, "--clip-length", "1"))
    with pytest.raises(CollectionError, match=r"has no split '4'\. Its splits are: 1, 2, 3"):
        main(_words("retrieval", run, ucf101, tmp_path, "--split", "4"))
    assert list(tmp_path.iterdir()) == []


def test_a_label_that_evaluates_one_split_only_has_no_mean(capsys: pytest.CaptureFixture[str]) -> None:
    def evaluated(split: str, *labels: str) -> Retrieval:
        scores = tuple(Score(label, 4, 0.5, {1: 0.25}, {1: (0.0, 0.5)}, 0.375) for label in labels)
        return changed(EMPTY, split=split, scores=scores)

    print_retrievals([evaluated("1", "class"), evaluated("2", "class", "side")])
    by_class, by_side = _said(capsys).split("retrieval by side: ")
    assert "25.0 ± 0.0" in by_class
    assert by_side.startswith("gap, level 5, split 2 ")
    assert "±" not in by_side
    assert "(!)" not in by_class + by_side
