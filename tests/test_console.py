"""What people read: as wide as the terminal, one line for each line, and nothing that commands the terminal."""

import fcntl
import io
import os
import pty
import shlex
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from unreel.console import Screen, Table, columns, complain, say, say_command, say_json, show
from unreel.text import unbroken

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def in_terminal(code: str, width: int) -> str:
    """What a program prints in a terminal of its own."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm"}
    process = subprocess.Popen([sys.executable, "-c", code], stdin=its, stdout=its, stderr=its, env=environment)
    os.close(its)
    said = b"".join(_parts(ours))
    assert process.wait() == 0, said
    return said.decode().replace("\r\n", "\n")


def _parts(descriptor: int) -> Iterator[bytes]:
    try:
        while part := os.read(descriptor, 65536):
            yield part
    except OSError:  # how Linux says that the other end is closed
        os.close(descriptor)


def test_a_line_is_one_line(capsys: Captured) -> None:
    say("a\nforged", unbroken("b c\r"), 3)
    assert capsys.readouterr().out == "a\\nforged\nb c\\r\n3\n"


def test_json_reads_back(capsys: Captured) -> None:
    say_json(["\x9b", "ü"])
    assert capsys.readouterr().out == '[\n "\\u009b",\n "ü"\n]\n'


def test_nothing_is_broken_where_nobody_looks(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "word " * 100 + "end"
    say(line)
    assert capsys.readouterr().out == f"{line}\n"
    monkeypatch.setenv("COLUMNS", "20")
    say(line)
    complain(line)
    said = capsys.readouterr()
    assert max(map(len, said.out.splitlines())) <= 20
    assert said.err == f"unreel: {line}\n"


@pytest.mark.parametrize("told", ["", "0", "wide", "-3", "²"])
def test_senseless_widths_are_none(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", told)
    assert columns(io.StringIO()) is None


def test_a_terminal_has_its_width_styles_and_no_foreign_commands() -> None:
    said = in_terminal(
        "import sys, warnings\n"
        "from unreel.console import *\n"
        "screen(); screen()\n"
        "say('one two three four five six seven\\x1b[2J', style='bold')\n"
        "t = Table('', ['run', 'state'], colours={'damaged': 'red'}, left=['state'])\n"
        "t.add('a\\x1b]0;x\\x07', 'damaged'); show(t)\n"
        "complain('no such thing as this: \\x1b[2J')\n"
        "print('theirs \\x1b[1;31mred\\x1b[0m \\x1b[2J \\x07', file=sys.stderr)\n"
        "warnings.warn('w\\x1b[2J')\n",
        24,
    )
    lines = said.splitlines()
    assert lines[:2] == ["\x1b[1mone two three four five\x1b[0m", "\x1b[1m    six seven\\x1b[2J\x1b[0m"]
    assert lines[4] == "a\\x1b]0;x\\x07  \x1b[31mdamaged\x1b[0m"
    assert lines[5:7] == ["unreel: no such thing as", "    this: \\x1b[2J"]
    assert lines[7] == "theirs \x1b[1;31mred\x1b[0m \\x1b[2J \\x07"
    assert "w\\x1b[2J" in said
    assert "\x1b[2J" not in said
    assert "\x07" not in said


def test_what_is_printed_by_others_is_shown() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    print("a\x1b[31mb", "c\x9b\u202e", sep="\n", file=screen)
    screen.writelines(["d\r", "e\t\n"])
    screen.flush()
    assert stream.getvalue() == "a\\x1b[31mb\nc\\x9b\\u202e\nd\\re\t\n"
    assert screen.getvalue() == stream.getvalue()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        assert columns(Screen(sys.stdout)) is None


def table() -> Table:
    made = Table("found by class", ["encoder", "split", "R@1", "within"], ["of 90 queries"], left=["split"])
    made.add("untrained [red]", 1, "41.2", "30.1–50.0")
    made.add("hdc\n999 forged", "all", "7.9", "1.1–9.0")
    return made


WHOLE = """found by class
encoder          split   R@1     within
───────────────  ─────  ────  ─────────
untrained [red]  1      41.2  30.1–50.0
hdc\\n999 forged  all     7.9    1.1–9.0
of 90 queries
"""
FOLDED = """found by class
encoder          split   R@1
───────────────  ─────  ────
untrained [red]  1      41.2
hdc\\n999 forged  all     7.9
encoder             within
───────────────  ─────────
untrained [red]  30.1–50.0
hdc\\n999 forged    1.1–9.0
of 90 queries
"""
STACKED = """found by class
untrained [red]
    split: 1
    R@1: 41.2
    within: 30.1–50.0
hdc\\n999 forged
    split: all
    R@1: 7.9
    within: 1.1–9.0
of 90 queries
"""


@pytest.mark.parametrize(("width", "shown"), [("", WHOLE), ("39", WHOLE), ("38", FOLDED), ("25", STACKED)])
def test_a_table_is_folded_where_it_is_too_wide(
    width: str, shown: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    show(table())
    assert capsys.readouterr().out == shown


def test_sentences_are_no_narrow_columns(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    made = Table("", ["recipe", "what it is", "paper"])
    made.add("hdc", "The full model: both subtasks at three levels.", "")
    show(made)
    assert capsys.readouterr().out == ("hdc\n    what it is: The full model: both\n        subtasks at three levels.\n")


def test_a_table_without_rows_is_its_head(capsys: Captured) -> None:
    show(Table("", ["a", "bc"]))
    assert capsys.readouterr().out == "a  bc\n─  ──\n"


def test_a_broken_command_is_one_for_the_shell(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = ["a folder/with spaces", "--out", "it's", "x" * 30, "", "--steps", "200"]
    command = [sys.executable, "-c", "import sys; print(sys.argv[1:])", *words]
    monkeypatch.setenv("COLUMNS", "30")
    say_command(shlex.join(command))
    said = capsys.readouterr().out
    assert len(said.splitlines()) > 5
    answer = subprocess.run(["bash", "-c", said], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert answer.stdout == f"{words}\n"
