"""The command as a user types it, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from clips import Clip


def unreel(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `unreel …`."""
    command = [sys.executable, "-m", "unreel", *map(str, words)]
    environment = os.environ | {"COLUMNS": "120"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def test_help_names_every_verb_and_imports_nothing_heavy() -> None:
    code = "import sys; sys.argv = ['', '--help']; from unreel.cli import main; main(); print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *page, modules = answer.stdout.splitlines()
    assert {"torch", "numpy", "av", "pydantic", "tyro", "rich"}.isdisjoint(modules.split())
    for verb in ("synth", "prepare", "pretrain", "evaluate", "embed", "report", "demo"):
        assert any(line.startswith(f"  {verb} ") for line in page)


@pytest.mark.parametrize("verb", ["synth", "prepare", "pretrain", "evaluate retrieval", "embed", "report", "demo"])
def test_every_verb_explains_itself(verb: str) -> None:
    answer = unreel(*verb.split(), "--help")
    assert answer.returncode == 0
    assert "options" in answer.stdout
    assert f"usage: unreel {verb}" in answer.stdout


NO_WEIGHTS = ["--alpha", "0", "0", "0", "--beta", "0", "0", "0"]
MISTAKES = {
    "no such verb": (["pertrain", "videos"], "no verb 'pertrain'; did you mean `unreel pretrain`?"),
    "no such option": (["pretrain", "videos", "--out", "r", "--stepz", "3"], "--steps"),
    "no such recipe": (["pretrain", "videos", "--out", "r", "--recipe", "hcd"], "no recipe 'hcd'; did you mean hdc?"),
    "missing folder": (["pretrain", "nowhere", "--out", "r"], "nowhere"),
    "empty folder": (["pretrain", "empty", "--out", "r"], "empty"),
    "no video": (["prepare", "texts", "out"], "texts"),
    "existing run": (["pretrain", "videos", "--out", "texts"], "texts exists already and nothing is overwritten"),
    "too few videos": (["pretrain", "videos", "--out", "r", "--recipe", "hdc-small"], "--batch-size 2 or less"),
    "no run": (["evaluate", "retrieval", "texts", "videos", "--out", "e"], "texts holds no weights"),
    "no such evaluation": (
        ["evaluate", "retreival", "r", "videos"],
        "expected one of: retrieval, knn, linear, compare",
    ),
    "senseless value": (["pretrain", "videos", "--out", "r", "--batch-size", "0"], "greater than or equal to 2"),
    "config and recipe": (["pretrain", "--config", "c", "--recipe", "hdc"], "expected one of them"),
    "bad config": (["pretrain", "--config", "bad.yaml", "--out", "r"], "did you mean batch_size?"),
    "bad group pattern": (["pretrain", "videos", "--out", "r", "--group-pattern", "("], "("),
    "clips too short": (
        ["pretrain", "videos", "--out", "r", "--encoder", "c3d", "--clip-length", "4"],
        "needs at least 8 frames",
    ),
    "no such shortcut": (
        ["pretrain", "videos", "--out", "r", "--encoder", "c3d", "--shortcut", "A"],
        "is for r3d18 only",
    ),
    "nothing to learn": (
        ["pretrain", "videos", "--out", "r", *NO_WEIGHTS],
        "have nothing to learn; give a level a weight",
    ),
    "no run to report": (["report", "texts", "--out", "r.html"], "texts is no run folder"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_without_traceback(mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "readme.txt").write_text("precious")
    (tmp_path / "bad.yaml").write_text("folder: videos\nout: r\nbatchsize: 3\n")
    for name in "ab":
        Clip(width=32, height=32, frames=20).write(tmp_path / "videos" / f"{name}.mp4")
    words, expected = MISTAKES[mistake]
    answer = unreel(*words, cwd=tmp_path)
    said = " ".join((answer.stdout + answer.stderr).split())
    assert answer.returncode == 2, said
    assert expected in said
    assert "Traceback" not in said
    assert (tmp_path / "texts" / "readme.txt").read_text() == "precious"
    assert not (tmp_path / "r").exists()


def test_version_and_recipes() -> None:
    assert unreel("--version").stdout.startswith("unreel 0.")
    assert "69.0 (Table 1)" in unreel("pretrain", "--list-recipes").stdout
