"""Every verb that prints, on names, labels and folders that would command a terminal or forge a line."""

import csv
import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest
from clips import Clip

from unreel import cli
from unreel.text import width_of

FORGED = "999 videos can be used (1.0 minutes), 0 skipped"
NAMES = [
    "a\x1b]0;owned\x07\x1b[2J",
    f"b\n{FORGED}",
    f"c\r{FORGED}",
    "d\x9b2J\x7f\x08",
    f"e\u202egnp.\u2028{FORGED}",
    "=cmd|' [red] calc'!A0",
    "l" * 200,
]
LABELS = [f"walk\x1b[31m\n{FORGED}", "x y" * 30_000, "=cmd|x"]
KIND = f"kind\x1b[2J\n{FORGED}"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
COLOUR = re.compile("\x1b\\[[0-9;]*m")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder called as badly as the videos in it."""
    place = tmp_path_factory.mktemp("foreign") / f"here\x1b[2J\n{FORGED}"
    videos = place / "videos"
    Clip(width=96, height=80, frames=20).write(place / "clip.mp4")
    videos.mkdir()
    names = [f"{name}.mp4" for name in NAMES]
    for name in [*names, os.fsdecode(b"m\xff\x9b.mp4")]:
        shutil.copy(place / "clip.mp4", videos / name)
    (videos / f"n\n{FORGED}.mp4").write_bytes(b"")
    with (videos / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", KIND])
        rows.writerows([name, LABELS[number % len(LABELS)]] for number, name in enumerate(names))
    return place


def answer_facts(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> tuple[str, str]:
    """What a verb prints, which is harmless."""
    before = sys.argv
    sys.argv = ["unreel", *map(str, words)]
    try:
        cli.main()
        ended = 0
    except SystemExit as end:
        ended = int(str(end.code))
    finally:
        sys.argv = before
    said = capsys.readouterr()
    assert ended == code, said.err
    for text in said:
        assert not OBEYED.search(text), ascii(text)
        assert not any(line.strip().startswith(FORGED) for line in text.splitlines()), ascii(text)
    if os.environ.get("COLUMNS") == "80" and "--json" not in words:
        long = [line for line in said.out.splitlines() if width_of(line) > 80]
        assert all("/" in line or FORGED in line or LABELS[1][:60] in line for line in long), long
    return said


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["80", ""])
def test_all_verbs(
    columns: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path))
    out = place / f"out{columns}\x1b[2J\n{FORGED}"
    videos, prepared, table = place / "videos", out / "prepared", tmp_path / "table.lance"

    def said(*words: object, code: int = 0) -> str:
        return "".join(answer_facts(capsys, *words, code=code))

    assert r"a\x1b]0;owned\x07\x1b[2J" in said("scan", videos, "--out", out / "scan.parquet")
    assert r"n\n999 videos" in said("prepare", videos, prepared)
    said("leaks", prepared, code=2)
    assert r"a\x1b]0;owned\x07\x1b[2J" in said("dedupe", videos, "--out", out / "dedupe.csv", "--to", out / NAMES[2])
    said("embed", "street651-small", prepared, "--out", out / "table\n.lance", code=2)  # no place for LanceDB
    said("embed", "street651-small", prepared, "--out", table)
    query = videos / f"{NAMES[0]}.mp4"
    assert r"a\x1b]0;owned\x07\x1b[2J" in said("search", table, query)
    found = json.loads(answer_facts(capsys, "search", table, query, "--json")[0])
    assert found["query"]["path"] == str(query)
    assert json.loads(answer_facts(capsys, "duplicates", table, "--json")[0])[0]["path"].startswith(str(videos))
    said("search", table, query, "--html", out / "page\n.html")
    said("search", table, out / NAMES[1], code=2)
    assert r"b\n999 videos" in said("duplicates", table, "--out", out / "duplicates.csv")
    said("curate", table, "--out", out / "chosen.csv")
    said("curate", table, "--out", out / "chosen.txt")
    said("export", table, "--to", "tensorboard", "--out", out / "board")
    results = out / "evaluated\n"
    shown = said("evaluate", "retrieval", "street651-small", prepared, "--out", results, "--classes")
    assert r"walk\x1b[31m\n999" in shown
    assert len(shown) < 20_000, "a label of 90,000 letters is cut"
    said("evaluate", "compare", results / "retrieval.json", results / "retrieval.json")
    said("plan", "--prepared", prepared, "--gpu", "H100", "--batch-size", 4, "--gpus", 1)
    said("figure", "classes", results, "--out", out / "classes\n.html")
    said("figure", "retrieval", results, "--out", out / "hits\n.pdf", "--queries", FORGED, code=2)
    training = ("--steps", 1, "--batch-size", 2, "--accelerator", "cpu")
    said("finetune", prepared, "--weights", "street651-small", "--out", out / NAMES[1], *training)
    assert r"b\n999" in said("runs", out)
    assert json.loads(answer_facts(capsys, "runs", out, "--json")[0])[0]["run"] == NAMES[1]
    said("watch", out / NAMES[1], "--once")
    (out / f"torn\n{FORGED}").mkdir()
    (out / f"torn\n{FORGED}" / "settings.yaml").write_text(f'"a\\n{FORGED}": 1\nout: [')
    said("runs", out)
    said("report", out / NAMES[1], "--folder", videos, "--out", out / "report\n.html")
    said("synth", out / "shapes\n", "--videos", 1, "--frames", 2)
    said("fetch", "ucf101", out / "data\n", "--dry-run", "--from", f"http://127.0.0.1:9/\x1b[2J\n{FORGED}")
    said(f"\x1b[2J\n{FORGED}", code=2)
    said("scan", videos, f"--out\x1b[2J\n{FORGED}", code=2)


def test_tables_for_spreadsheets(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer_facts(capsys, "scan", place / "videos", "--out", tmp_path / "scan.csv")
    with (tmp_path / "scan.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert [row["path"] for row in rows if row["path"].startswith("'")] == [f"'{NAMES[5]}.mp4"]
    assert {row[f"label:{KIND}"] for row in rows} == {"", *LABELS[:2], f"'{LABELS[2]}"}


def test_in_a_terminal(place: Path, tmp_path: Path) -> None:
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm"}
    words = ["scan", str(place / "videos"), "--out", str(tmp_path / f"s\x1b[2J\n{FORGED}.csv")]
    command = [sys.executable, "-m", "unreel", *words]
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment)
    os.close(its)
    parts = []
    with suppress(OSError):
        while part := os.read(ours, 65536):
            parts.append(part)
    os.close(ours)
    assert process.wait() == 0
    said = b"".join(parts).decode()
    bar = re.sub("\x1b\\[(\\?25[lh]|2K|1A|[0-9;]*m)|\r", "", said)  # what rich's bar is drawn with
    assert not OBEYED.search(bar), ascii(bar)
    lines = bar.splitlines()
    assert not any(line.strip().startswith(FORGED) for line in lines)
    assert all(len(line) <= 80 or "/" in line or FORGED in line for line in lines), lines
