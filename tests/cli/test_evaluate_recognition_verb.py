"""`unreel evaluate test` and `unreel evaluate finetune`: from fine-tuned runs to tests of splits and folds."""

import shutil
from pathlib import Path

import pytest
from clips import Clip, solid

from unreel.cli.evaluate import main as evaluate
from unreel.cli.finetune import main as finetune
from unreel.cli.pretrain import main as pretrain
from unreel.errors import CheckpointError, CollectionError, OverwriteError, SettingsError
from unreel.evaluation.finetune_results import read_finetuned
from unreel.evaluation.recognition import read_recognition

ENCODER = ["--encoder", "r3d18", "--width", "0.0625", "--size", "28", "--clip-length", "8"]
HERE = ["--accelerator", "cpu", "--loader-workers", "0"]
TINY = ["--batch-size", "3", "--steps", "2", "--log-every", "1", "--devices", "1", *HERE]
GROUPS = ("--group-pattern", "(g[0-9])_")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for label, grey in (("bend", 60), ("jump", 180)):
        for number in range(6):
            clip = Clip(width=48, height=40, frames=20 + number, pictures=solid(grey, grey, 20 * number))
            clip.write(folder / label / f"g{number // 2}_{number}.mp4")
    return folder


@pytest.fixture(scope="module")
def run(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "classes"
    finetune([str(videos), "--out", str(out), *ENCODER, *TINY, *GROUPS, "--test-groups", "g2"])
    return out


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    patch = pytest.MonkeyPatch()
    patch.setenv("UNREEL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def test_a_run_is_tested_on_other_videos(
    videos: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held_out = tmp_path / "held-out"
    for path in videos.rglob("g2_*.mp4"):
        shutil.copytree(path.parent, held_out / path.parent.name, ignore=shutil.ignore_patterns("g[01]_*"),
                        dirs_exist_ok=True)  # fmt: skip
    Clip(width=48, height=40).write(held_out / "swim" / "g3_9.mp4")
    evaluate(["test", str(run), str(held_out), "--labels", "folders", "--out", str(tmp_path / "out")])
    found, known = (read_recognition(place / "recognition.json") for place in (tmp_path / "out", run))
    assert (found.seen, found.expected, found.split) == (4, 5, "all videos, test")
    assert found.missing == {"swim/g3_9.mp4": "no video to learn from is labelled 'swim'"}
    assert found.predictions == known.predictions  # those that fine-tuning has found itself
    said = capsys.readouterr().out
    assert "4 of 5 videos seen" in said
    assert "swim/g3_9.mp4: no video to learn from" in said
    assert "taken for" in said
    with pytest.raises(OverwriteError, match=r"recognition\.json exists already"):
        evaluate(["test", str(run), str(held_out), "--out", str(tmp_path / "out")])


def test_what_was_learnt_from_is_no_test(videos: Path, run: Path, tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"bend/g0_0\.mp4: same file as bend/g0_0\.mp4"):
        evaluate(["test", str(run), str(videos), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
    allowed = ["--allow-leaks", "same file"]
    evaluate(["test", str(run), str(videos), "--out", str(tmp_path / "out"), *allowed])
    assert read_recognition(tmp_path / "out" / "recognition.json").seen == 12


def test_of_weights_alone_it_is_said_that_leaks_are_not_known(
    videos: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = shutil.copy(run / "weights.safetensors", tmp_path / "classes.safetensors")
    evaluate(["test", str(weights), str(videos), "--out", str(tmp_path / "out")])
    assert "has learnt from is not known here: leaks from there are not looked for" in capsys.readouterr().out


def test_folds_go_on_where_they_were_and_each_video_is_tested_once(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["finetune", "scratch", str(videos), "--out", str(tmp_path / "out"), *ENCODER, *TINY, *GROUPS]
    evaluate([*words, "--folds", "3"])
    found = read_finetuned(tmp_path / "out" / "finetune.json")
    assert (found.seen, found.expected, found.encoder, found.checkpoint) == (12, 12, "scratch", "random")
    assert [part.split for part in found.parts] == [f"fold {number} of 3, test" for number in (1, 2, 3)]
    tests = [read_recognition(tmp_path / "out" / f"fold-{number}" / "recognition.json") for number in (1, 2, 3)]
    tested = [each.id for test in tests for each in test.predictions]
    assert len(tested) == len(set(tested)) == 12
    for test in tests:  # a group is tested whole
        assert len({each.id.split("/")[1][:2] for each in test.predictions}) == 1
    said = capsys.readouterr().out
    assert "all videos" in said
    assert "12 of 12" in said
    (tmp_path / "out" / "finetune.json").unlink()
    shutil.rmtree(tmp_path / "out" / "fold-3")  # as if it had been stopped there
    evaluate([*words, "--folds", "3"])
    assert read_finetuned(tmp_path / "out" / "finetune.json") == found
    with pytest.raises(OverwriteError, match=r"holds 'fold-3', expected nothing or what the same command has left"):
        evaluate([*words, "--folds", "2"])


def test_splits_begin_with_a_pretrained_run(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pretrained = tmp_path / "pretrained"
    few = ["--steps", "1", "--batch-size", "4", "--knn-every", "0", *HERE]
    pretrain([str(videos), "--out", str(pretrained), *ENCODER, *few])
    words = ["finetune", str(pretrained), str(videos), "--out", str(tmp_path / "out"), *TINY]
    with pytest.raises(CollectionError, match=r"has no split '1'\. Its splits are: none"):
        evaluate([*words, "--split", "1"])
    with pytest.raises(CollectionError, match=r"has no split 'all'"):
        evaluate([*words, "--split", "all"])
    evaluate([*words, "--folds", "2"])
    found = read_finetuned(tmp_path / "out" / "finetune.json")
    assert (found.encoder, len(found.checkpoint)) == ("hdc", 16)
    assert "fine-tuned for 2 steps of 3" in found.protocol
    capsys.readouterr()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["RUN", "in", "--out", "out"], r"got neither, expected one of --split and --folds"),
        (["RUN", "in", "--out", "out", "--split", "1", "--folds", "3"], r"got split 1 and 3 folds, expected one of"),
        (["RUN", "in", "--out", "out", "--folds", "1"], r"folds: got 1: Input should be greater than or equal to 2"),
        (["RUN", "in", "--out", "out", "--folds", "x"], r"invalid int value: 'x'.*evaluate finetune --help"),
        (["--folds", "3", "RUN", "in"], r"got '--folds' in the first place, expected a run, or scratch"),
        (["RUN", "in", "--out", "out", "--folds", "3", "--split-x", "1"], None),
    ],
)
def test_wrong_words(words: list[str], message: str | None) -> None:
    if message is None:  # tyro's own words, and exit code 2
        with pytest.raises(SystemExit) as ended:
            evaluate(["finetune", *words])
        assert ended.value.code == 2
        return
    with pytest.raises(SettingsError, match=f"(?s){message}"):
        evaluate(["finetune", *words])


def test_help_tells_of_both(capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(["finetune", "--help"])
    assert "mean ± standard deviation over the splits" in " ".join(capsys.readouterr().out.split())


def test_an_encoder_without_classes_is_skipped(videos: Path, tmp_path: Path) -> None:
    few = ["--steps", "0", "--batch-size", "4", *HERE]
    pretrain([str(videos), "--out", str(tmp_path / "run"), *ENCODER, *few])
    with pytest.raises(CheckpointError, match=r"holds an encoder that knows no classes \(hdc\); expected a run of"):
        evaluate(["test", str(tmp_path / "run"), str(videos), "--out", str(tmp_path / "out")])
