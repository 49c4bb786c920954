"""What a script says in five lines: run as a user runs it, without a main guard, on videos that nobody has prepared."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from clips import Clip

import unreel
from unreel.checkpoint import load_encoder, read_weights
from unreel.errors import CheckpointError, CollectionError, SettingsError, UnreelError
from unreel.evaluation.recognition import read_recognition

ROOT = Path(__file__).resolve().parent.parent
SLOW = pytest.mark.slow
SCRIPT = """
import sys
import unreel
print("begins,", "torch" in sys.modules)
small = {{"batch_size": 4, "accelerator": "cpu", "devices": {devices}}}
unreel.pretrain(videos="videos", out="run", recipe="hdc-small", steps=3, width=0.0625, size=32, **small)
encoder = unreel.load("run")
found = unreel.finetune(videos="videos", weights="run", out="classes", steps=2, test_groups=("b",),
                        group_pattern="/(.)", **small)
import torch
print(encoder.name, encoder.checkpoint, tuple(encoder.encoder(torch.zeros(2, 3, 16, 32, 32))[5].shape))
print(found.seen, found.expected, found.figures["video/top1"])
"""
LATE = """
import time
from unreel.training import loop
save = loop.save_weights
def late(*words, **named):
    time.sleep(3)
    save(*words, **named)
loop.save_weights = late
"""
OTHERWISE = """
try:
    unreel.pretrain(videos="videos", out="other", steps=1, width=0.0625, size=32, batch_size=4, accelerator="cpu")
except unreel.errors.UnreelError as error:
    print(error)
"""
REPEAT = """
from unreel.cli import finetune, pretrain
pretrain.main(["--config", "run/settings.yaml", "--out", "run again"])
finetune.main(["--config", "classes/settings.yaml", "--out", "classes again"])
"""


def run(folder: Path, script: str) -> "subprocess.CompletedProcess[str]":
    """Python on a script in a folder."""
    (folder / "script.py").write_text(script)
    whole_lines = {"PYTHONUNBUFFERED": ""}  # else two processes write into each other's
    environment = {**os.environ, **whole_lines, "UNREEL_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "script.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=150
    )


def with_videos(folder: Path) -> Path:
    """A folder `videos` in it: two classes, six videos of group a and two of group b."""
    for number, name in enumerate(("a1", "a2", "a3", "b1")):
        for label in ("one", "two"):
            Clip(frames=18 + number).write(folder / "videos" / label / f"{name}.mp4")
    return folder


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Where the script has run, and what it has printed."""
    folder = with_videos(tmp_path_factory.mktemp("api"))
    ran = run(folder, SCRIPT.format(devices=1))
    assert (ran.returncode, ran.stderr) == (0, "")
    return folder, ran.stdout.splitlines()


@SLOW
def test_five_lines_pretrain_load_and_finetune(story: tuple[Path, list[str]]) -> None:
    folder, lines = story
    trained, found = load_encoder(folder / "run"), read_recognition(folder / "classes" / "recognition.json")
    assert [line for line in lines if line.startswith("begins")] == ["begins, False"]  # once, without torch
    assert len(lines) == 3  # those of the script: a library is silent
    assert lines[-2] == f"hdc-small {trained.checkpoint} (2, 32, 1, 1, 1)"
    assert lines[-1] == f"2 2 {found.figures['video/top1']}"
    assert read_weights(folder / "run").step == 3
    assert (found.classes, found.step, found.split) == (("one", "two"), 2, "groups b, test")


@SLOW
def test_settings_repeat_a_run_byte_for_byte(story: tuple[Path, list[str]]) -> None:
    folder, _ = story
    ran = run(folder, REPEAT)
    assert (ran.returncode, ran.stderr) == (0, "")
    for name in ("run", "classes"):
        first, again = (folder / each / "weights.safetensors" for each in (name, f"{name} again"))
        assert again.read_bytes() == first.read_bytes()
    tests = [read_recognition(folder / name / "recognition.json") for name in ("classes", "classes again")]
    assert tests[0] == tests[1]


@SLOW
def test_the_same_lines_in_two_processes(tmp_path: Path) -> None:
    begin, *rest = SCRIPT.format(devices=2).partition("unreel.pretrain")
    ran = run(with_videos(tmp_path), begin + LATE + "".join(rest) + OTHERWISE)
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    trained, found = load_encoder(tmp_path / "run"), read_recognition(tmp_path / "classes" / "recognition.json")
    ends = [f"hdc-small {trained.checkpoint} (2, 32, 1, 1, 1)", f"2 2 {found.figures['video/top1']}"]
    skipped = (
        "cannot compute with accelerator 'cpu', devices auto, nodes 1 and precision '32-true': this script has begun "
        "with 2 processes; give all that it trains as many"
    )
    lines = ran.stdout.splitlines()
    assert [lines.count(each) for each in ["begins, False", *ends, skipped]] == [2, 2, 2, 2]  # both have all in hand
    assert not any("learning" in line for line in lines)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: unreel.pretrain("videos", "out", stepz=3), SettingsError, r"unreel\.pretrain.*did you mean steps\?"),
        (lambda: unreel.pretrain("videos", "out", recipe="hdc-smal"), SettingsError, "did you mean hdc-small?"),
        (lambda: unreel.pretrain("videos", "out", steps=-1), SettingsError, "steps: got -1"),
        (lambda: unreel.pretrain("nowhere", "out"), CollectionError, "nowhere does not exist"),
        (lambda: unreel.finetune("videos", "out", dropuot=0.1), SettingsError, r"unreel\.finetune.*mean dropout\?"),
        (lambda: unreel.finetune("videos", "out", weights="nowhere"), CheckpointError, "nowhere holds no weights"),
        (lambda: unreel.load("nowhere"), CheckpointError, "nowhere holds no weights"),
    ],
)
def test_wrong_names(
    call: Callable[[], object],
    kind: type[UnreelError],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=f"(?s){message}"):
        call()
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'unreel' has no attribute 'train'"):
        _ = unreel.train


@pytest.mark.parametrize("name", re.findall(r"^::: (\S+)", (ROOT / "docs" / "api.md").read_text(), flags=re.MULTILINE))
def test_what_the_page_of_python_names_is_there(name: str) -> None:
    place, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(place), attribute)
    except ModuleNotFoundError:  # of a class
        outer, _, kind = place.rpartition(".")
        found = getattr(getattr(import_module(outer), kind), attribute)
    assert found.__doc__
