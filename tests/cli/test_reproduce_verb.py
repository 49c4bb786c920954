"""`unreel reproduce`: what it says before anything runs, and small tables made, made again, and gone on with."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest
from clips import Clip, solid
from folders import make
from jobs_inside import Inside

from unreel.cli.reproduce import main as reproduce
from unreel.errors import CollectionError, SettingsError, TrainingError
from unreel.reproduction import runner
from unreel.reproduction.evidence import TESTED

TINY = (
    "--pretrain-options=--width 0.0625 --size 28 --clip-length 8 --batch-size 4 --loader-workers 0 "
    "--checkpoint-every 2 --log-every 1",
    "--finetune-options=--batch-size 4 --loader-workers 0",
    "--steps", "12", "--finetune-steps", "2", "--accelerator", "cpu",
)  # fmt: skip
SMALL = ("--scale", "small", "--group-pattern", "/([a-z]+)_", *TINY)
PATIENCE = 120.0  # seconds
DEVELOPED = "These videos are a development set."


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two actions of three persons."""
    folder = tmp_path_factory.mktemp("actions")
    for label, grey in (("bend", 60), ("jump", 180)):
        for number, person in enumerate(("ann", "ben", "cid")):
            clip = Clip(width=40, height=40, frames=16, pictures=solid(grey, grey, 60 * number))
            clip.write(folder / label / f"{person}_{label}.mp4")
    return folder


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "Popen", Inside)
    monkeypatch.setattr(runner, "LOOK_EVERY", 0.0)


def _words(target: str, videos: Path, out: Path, *more: str) -> list[str]:
    return [target, "--data", str(videos), "--out", str(out), *SMALL, *more]


def _table(out: Path, name: str) -> list[str]:
    """The Markdown but for its last line, which says when, and the line with the name of OUT."""
    lines = (out / f"{name}.md").read_text(encoding="utf-8").split("\n")
    assert lines[-2].startswith("Made on ")
    return [line for line in lines[:-2] if not line.startswith("- Command: ")]


def test_a_dry_run_lists_the_jobs_and_writes_nothing(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    before = sorted(videos.rglob("*"))
    reproduce(_words("table1", videos, tmp_path / "out", "--dry-run"))
    said = capsys.readouterr().out
    assert "plan of table1: 17 jobs" in said
    assert "Estimated: " in said
    assert f"  videos: 6 of 6 videos in {videos}" in said
    commands = [line for line in said.split("\n") if line.startswith("  unreel ")]
    assert len(commands) == 17
    assert commands[1].endswith("--checkpoint-every 2 --log-every 1 --accelerator cpu")
    assert list(tmp_path.iterdir()) == []
    assert sorted(videos.rglob("*")) == before


@pytest.mark.usefixtures("inside")
def test_a_small_table_is_made_once(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = _words("table1", videos, out, "--rows", "hdc", "scratch")
    reproduce(words)
    said = capsys.readouterr().out
    assert "[5 of 5] unreel evaluate finetune" in said
    assert "UCF101, paper" in said
    assert f"{videos.name}, ours" in said
    assert "6 of 6 (3 folds)" in said
    files = {path.name: path.read_bytes() for path in out.glob("table1.*")}
    assert set(files) == {"table1.md", "table1.csv", "table1.tex"}
    reproduce(words)
    assert "5 of 5 jobs are finished already" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in out.glob("table1.*")} == files  # on the same day
    with pytest.raises(SettingsError, match=r"(?s)weights\.safetensors is there, but of another command"):
        reproduce([*words, "--steps", "13"])


@pytest.mark.slow
@pytest.mark.usefixtures("inside")
def test_small_retrieval_leaves_one_group_out(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    larger = TINY[0].replace("--size 28", "--size 32")  # C3D halves it four times
    reproduce(_words("table4", videos, tmp_path / "out", "--seeds", "0", "1", larger))
    said = capsys.readouterr().out
    assert "leave one group out" in said
    assert "±: standard deviation over seeds 0, 1." in said
    rows = [line for line in _table(tmp_path / "out", "table4") if line.startswith("| ")]
    assert sum("±" in row for row in rows) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("inside")
def test_the_evidence_is_a_table_of_five_judgements_and_of_pairs(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out, scale = tmp_path / "data", tmp_path / "out", tmp_path / "scale.yaml"
    shutil.copytree(videos, data / "people")
    Clip(width=40, height=40, frames=16, pictures=solid(9, 9, 9)).write(data / "pushups" / "right" / "a.mp4")
    scale.write_text(f"pretrain: {{input: difference, knn_every: 4}}\nnote: {DEVELOPED}")
    rows = ("--rows", "hdc", "scratch", "--seeds", "0", "1", "--scale", str(scale), "--group-pattern", "/([a-z]+)_")
    folders = ("--data", str(data / "people"), "--pretrain-data", str(data), "--out", str(out))
    reproduce(["evidence", *folders, *rows, *TINY])
    said = " ".join(capsys.readouterr().out.split())
    assert "compared video by video" in said
    lines = _table(out, "evidence")
    for note in (DEVELOPED, TESTED):
        assert note in said
        assert f"- {note}" in lines
    assert "| difference of | column | points | 95 % over videos | p over videos | videos |" in lines
    hdc = next(line for line in lines if line.startswith("| hdc |")).split(" | ")
    assert hdc[1] == "69.0"
    assert sum(" ± " in cell for cell in hdc) == 5
    among = "those that are tested are in the same folder and may be among them."
    assert f"- Pretrained without labels on 7 of 7 videos of {data}; {among}" in lines
    rights = {row: _nearest_right(out, row) for row in ("scratch", "hdc")}
    difference = 100 * sum(rights["hdc"][each] - rights["scratch"][each] for each in rights["hdc"]) / 6
    pair = next(line for line in lines if line.startswith("| hdc − scratch | R@1 gap |")).split(" | ")
    assert pair[2] == f"{difference:+.1f}"
    *columns, together = [float(line.split(" | ")[2]) for line in lines if line.startswith("| hdc − scratch |")]
    assert len(columns) == 5
    assert together == pytest.approx(sum(columns) / 5, abs=0.1)
    assert (out / "evidence-curves.png").read_bytes().startswith(b"\x89PNG")
    assert "± " in (out / "evidence.tex").read_text().replace(r"$\pm$", "±")


@pytest.mark.usefixtures("inside")
def test_the_evidence_of_a_baseline_alone_learns_nothing(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    reproduce(_words("evidence", videos, out, "--rows", "motion-map", "--seeds", "0", "1"))
    said = capsys.readouterr().out
    assert "[5 of 5] unreel evaluate retrieval motion-map" in said
    (row,) = (line.split(" | ") for line in _table(out, "evidence") if line.startswith("| motion-map | –"))
    found = json.loads((out / "runs" / "retrieval-gap-motion-map-videos" / "retrieval.json").read_text())
    (retrieval,) = found["retrievals"]
    assert row[1:4:2] == ["–", f"{100 * retrieval['scores'][0]['hits']['1']:.1f}"]
    assert sorted(path.name for path in (out / "runs").iterdir()) == [
        "linear-gap-motion-map-videos",
        *(f"retrieval-{protocol}-motion-map-videos" for protocol in ("centred", "gap", "vcop")),
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("inside")
def test_rivals_are_compared_on_the_same_videos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(8):
        name = f"{'ab'[number % 2]}/{'xyzu'[number // 2]}_{number}.mp4"
        Clip(width=40, height=40, frames=30 + 2 * number).write(tmp_path / "data" / name)
    rows = ("--rows", "vcop-short", "moco-short", "hdc", "--scale", "small", "--group-pattern", "/([a-z]+)_")
    reproduce(["rivals", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), *rows, *TINY])
    said = " ".join(capsys.readouterr().out.split())
    assert "frames encoded per video and step" in said and "chance 16.7" in said
    lines = _table(tmp_path / "out", "rivals")
    (vcop,) = (line.split(" | ") for line in lines if line.startswith("| vcop-short | 24 |"))
    assert float(vcop[2]) >= 0 and float(vcop[3]) > 0 and "order" in vcop[4]
    assert any(line.startswith("| moco-short | ") for line in lines)
    assert any(line.startswith("| hdc − vcop-short | all columns |") for line in lines)
    assert any("on 7 of 8 videos of" in line for line in lines)  # one has less than 32 frames
    assert (tmp_path / "out" / "rivals-curves.png").exists()


def _nearest_right(out: Path, row: str) -> dict[str, float]:
    """By video, the share of the seeds whose nearest neighbour is of its class, read from the neighbours."""
    right: dict[str, float] = {}
    for seed in (0, 1):
        path = out / "runs" / f"retrieval-gap-{row}-videos-seed{seed}" / "retrieval.json"
        (found,) = json.loads(path.read_text())["retrievals"]
        for query, hits in found["neighbours"].items():
            same = query.split("/")[0] == hits[0]["id"].split("/")[0]
            right[query] = right.get(query, 0.0) + same / 2
    return right


@pytest.mark.usefixtures("inside")
def test_a_failing_job_is_named_and_no_table_is_written(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = _words("table1", videos, out, "--finetune-options=--batch-size 9", "--rows", "hdc", "scratch")
    message = r"(?s)2 of 5 jobs failed:.*finetune-hdc.*exit code 2;.*a batch needs 9"
    with pytest.raises(TrainingError, match=message) as ended:
        reproduce(words)
    assert ended.value.exit_code == 2
    assert "finetune-hdc-videos-folds3-seed0.txt" in str(ended.value)
    assert list(out.glob("table1.*")) == []
    assert "Nothing has been run." in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.alone
def test_a_table_that_was_killed_half_way_is_the_same_table(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ("--rows", "hdc")
    with monkeypatch.context() as patch:
        patch.setattr(runner, "Popen", Inside)
        reproduce(_words("table1", videos, tmp_path / "whole", *row))
    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "unreel", "reproduce", *_words("table1", videos, killed, *row)]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    checkpoints = killed / "runs" / "pretrain-hdc-seed0" / "checkpoints"
    until = monotonic() + PATIENCE
    while not list(checkpoints.glob("step-*")):
        assert started.poll() is None
        assert monotonic() < until
        sleep(0.02)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert not (killed / "table1.md").exists()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE)
    assert _table(killed, "table1") == _table(tmp_path / "whole", "table1")
    for name in ("table1.csv", "table1.tex"):
        assert (killed / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_mistakes_are_told_before_anything_runs(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    data = make(tmp_path / "data", "kinetics400/train/a.mp4")
    wrong: list[tuple[list[str], type[Exception], str]] = [
        (_words("table1", videos, out, "--rows", "hcd"), SettingsError, "table1 has no row 'hcd' to run. Its rows are"),
        (["table1", "--data", str(data)], CollectionError, r"ucf101 is not there: looked for .*--ucf101 FOLDER"),
        (["table1", "--data", str(data), "--group-pattern", "(a)"], SettingsError, "got --group-pattern with --scale"),
        (["table1", "--data", str(data), "--label", "x"], SettingsError, "got --label with --scale paper"),
        (_words("table1", tmp_path / "no", out), CollectionError, "does not exist"),
        (_words("table1", videos, out, "--exclude", "x"), SettingsError, "exclude is 'x' for table1, expected it for"),
        (["evidence", "--data", str(tmp_path / "no"), "--out", str(out)], CollectionError, "does not exist"),
        (_words("table1", videos, out, "--scale", "smal"), SettingsError, "Give --scale paper, small, or a YAML file"),
        (_words("table1", videos, out, "--seeds"), SettingsError, "seeds"),
        (_words("table1", videos, out, "--folds", "1"), SettingsError, "folds: got 1"),
        (
            _words("table1", videos, out, "--pretrain-options=--alpha '1"),
            SettingsError,
            "expected options as in a shell",
        ),
        (_words("table1", videos, out, "--pretrain-options=--steps 3"), SettingsError, "with steps, which the plan"),
        (_words("table1", videos, out, "--pretrain-options=--width -1"), SettingsError, "width: got -1.0"),
        (_words("table1", videos, out, "--finetune-options=--split 1"), SettingsError, "with split, which the plan"),
    ]
    for words, kind, message in wrong:
        with pytest.raises(kind, match=f"(?s){message}"):
            reproduce(words)
    assert not out.exists()
    shutil.rmtree(data)
