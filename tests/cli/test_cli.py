"""The command as a user types it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from clips import Clip

from unreel import cli


def unreel(*words: object) -> subprocess.CompletedProcess[str]:
    """Run `unreel …`."""
    command = [sys.executable, "-m", "unreel", *map(str, words)]
    environment = os.environ | {"COLUMNS": "120"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_help_names_every_verb_and_imports_nothing_heavy() -> None:
    code = "import sys; sys.argv = ['', '--help']; from unreel.cli import main; main(); print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *page, modules = answer.stdout.splitlines()
    assert {"torch", "numpy", "av", "pydantic", "tyro", "rich"}.isdisjoint(modules.split())
    for verb in ("synth", "prepare", "pretrain", "evaluate", "embed", "report", "demo"):
        assert any(line.startswith(f"  {verb} ") for line in page)


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


def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *words: str) -> tuple[object, str]:
    """Run `unreel …` in this process, which has imported everything; its exit code and what it says."""
    monkeypatch.setattr(sys, "argv", ["unreel", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, "".join(capfd.readouterr())


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_without_traceback(
    mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "readme.txt").write_text("precious")
    (tmp_path / "bad.yaml").write_text("folder: videos\nout: r\nbatchsize: 3\n")
    for name in "ab":
        Clip(width=32, height=32, frames=20).write(tmp_path / "videos" / f"{name}.mp4")
    words, expected = MISTAKES[mistake]
    code, said = here(monkeypatch, capfd, *words)
    said = " ".join(said.split())
    assert code == 2, said
    assert expected in said
    assert "Traceback" not in said
    assert (tmp_path / "texts" / "readme.txt").read_text() == "precious"
    assert not (tmp_path / "r").exists()


def test_a_mistake_in_a_process_of_its_own(tmp_path: Path) -> None:
    answer = unreel("report", tmp_path, "--out", tmp_path / "r.html")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("unreel: ")
    assert "Traceback" not in answer.stderr


def test_version_and_recipes() -> None:
    assert unreel("--version").stdout.startswith("unreel 0.")
    assert "69.0 (Table 1)" in unreel("pretrain", "--list-recipes").stdout
