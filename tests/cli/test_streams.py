"""What is said where it cannot be said: closed, full and narrow streams end nothing with a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from rich.console import Console
from unreel import cli
def verb(_):
    with open("result", "w") as file:  # would get the number of a stream that is closed
        print("…é\\udce9")
        Console().print("[bold]┃ done")
        print("warned …", file=sys.stderr)
        file.write("whole")
    print("x" * 100_000)
cli.import_module = lambda _: type("", (), {"main": verb})
sys.argv = ["unreel", "scan"]
cli.main()
"""


def said(folder: Path, redirected: str, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """What a verb says with its streams redirected, as a shell does that."""
    (folder / "script.py").write_text(SCRIPT)
    command = f'"{sys.executable}" script.py {redirected}'
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=os.environ | environment, capture_output=True, timeout=100
    )


FULL = "unreel: standard output cannot be written: No space left on device. Free some space or name another place.\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    ("redirected", "code", "errors"),
    [
        (">&-", 0, "warned …\n"),
        ("2>&-", 0, ""),
        ("<&- >&- 2>&-", 0, ""),
        ("> /dev/full", 2, FULL),
        ("2> /dev/full", 0, ""),
        ("> /dev/full 2> /dev/full", 2, ""),
    ],
)
def test_the_work_is_done_wherever_its_words_go(redirected: str, code: int, errors: str, tmp_path: Path) -> None:
    ended = said(tmp_path, redirected)
    assert (ended.returncode, ended.stderr.decode()[-len(FULL) :]) == (code, errors)
    assert (tmp_path / "result").read_text() == "whole"


@pytest.mark.parametrize("coding", ["ascii", "cp1252", "latin-1:strict", "utf-8"])
def test_letters_that_the_output_cannot_hold_are_replaced(coding: str, tmp_path: Path) -> None:
    ended = said(tmp_path, "", PYTHONIOENCODING=coding)
    assert (ended.returncode, (tmp_path / "result").read_text()) == (0, "whole")
    assert b"Traceback" not in ended.stderr
    if coding == "ascii":
        assert ended.stdout.startswith(b"??\\xe9\n")


def test_the_locale_c_is_no_obstacle(tmp_path: Path) -> None:
    ended = said(tmp_path, "", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (ended.returncode, (tmp_path / "result").read_text()) == (0, "whole")
