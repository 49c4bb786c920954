"""`unreel fetch` as a user types it, in a process of its own, from a server on this machine."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import Clip
from official_lists import UCF101, write_ucf101
from rar import rar
from web import Page, Web

from unreel.cli.fetch import main


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Web]:
    """UCF101 in miniature."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    clip = Clip(frames=20, codec="mpeg4").write(tmp_path / "a.avi").read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as lists:
        for path in write_ucf101(tmp_path / "lists", UCF101).iterdir():
            lists.write(path, f"ucfTrainTestlist/{path.name}")
    with Web() as server:
        server.serve("/UCF101TrainTestSplits-RecognitionTask.zip", Page(packed.getvalue()))
        videos = {f"UCF-101/{label}/{name}.avi": clip for name, (label, _) in UCF101.items()}
        server.serve("/UCF101.rar", Page(rar(videos)))
        yield server


def unreel(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `unreel …`."""
    command = [sys.executable, "-m", "unreel", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


@pytest.mark.slow
def test_what_it_says_to_type_next_works(web: Web, tmp_path: Path) -> None:
    answer = unreel("fetch", "ucf101", "my data", "--from", web.address, "--unverified", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    first, terms, *_, following, command = answer.stdout.splitlines()
    assert first == "5 videos in my data"
    assert terms.startswith("UCF101 names no licence.")
    assert following == "next:"
    assert command == "  unreel prepare 'my data' 'my data-prepared' --layout ucf101"
    typed = command.strip().replace("unreel", f"{sys.executable} -m unreel", 1) + " --side 32 --workers 1"
    prepared = subprocess.run(typed, shell=True, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert prepared.returncode == 0, prepared.stderr
    assert prepared.stdout.startswith("5 videos prepared")
    assert "split 1: 3 test, 2 train" in prepared.stdout


def test_the_folder_is_called_as_the_data_set_if_none_is_named(web: Web, tmp_path: Path) -> None:
    answer = unreel("fetch", "ucf101", "--from", web.address, "--unverified", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "ucf101" / "UCF-101" / "Archery" / "v_Archery_g01_c01.avi").exists()


def test_a_dry_run_only_tells(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["ucf101", "set", "--from", web.address, "--dry-run"]
    main(words)
    lists, videos = "UCF101TrainTestSplits-RecognitionTask.zip", "UCF101.rar"
    sizes = {name: len(web.pages[f"/{name}"].content) / 1000 for name in (lists, videos)}
    assert capsys.readouterr().out.splitlines() == [
        f"    113.9 kB  {web.address}/{lists}",
        f"{sizes[videos]:9.1f} kB  {web.address}/{videos}",
        f"{113.943 + sizes[videos]:.1f} kB to download into set, and unpacked as much again",
    ]
    assert not (tmp_path / "set").exists()
    web.pages[f"/{videos}"].says_length = False
    main([*words, "--unverified"])
    size = len(web.pages[f"/{lists}"].content) / 1000
    assert capsys.readouterr().out.splitlines() == [
        f"{f'{size:.1f} kB':>12}  {web.address}/{lists}",
        f"           ?  {web.address}/{videos}",
        f"{size:.1f} kB and 1 of unknown size to download into set, and unpacked as much again",
    ]
    main([*words[:-1], "--unverified"])
    capsys.readouterr()
    main(words)
    assert capsys.readouterr().out == "nothing is left to download into set\n"


def test_videos_that_are_missing_are_told(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    web.pages["/UCF101.rar"].content = rar({"UCF-101/Archery/v_Archery_g01_c01.avi": b"video"})
    main(["ucf101", "set", "--from", web.address, "--unverified"])
    assert capsys.readouterr().out.splitlines()[:2] == [
        "1 videos in set",
        "  named by the lists but not in the folder: 4",
    ]


MISTAKES = {
    "no such set": (["ucf102"], "ucf101"),
    "no such part": (["kinetics400", "set", "--parts", "validation"], "validation"),
    "parts of ucf101": (["ucf101", "set", "--parts", "val"], "got parts of ucf101, which has none"),
    "no address": (["ucf101", "set", "--from", "mirror"], "got the address 'mirror', expected http"),
    "another file": (["ucf101", "set", "--from", "{web}"], "expected 113943"),
    "not there": (["hmdb51", "set", "--from", "{web}"], "test_train_splits.rar answered 404"),
    "a file as folder": (["ucf101", "a.avi", "--from", "{web}"], "a.avi is a file, expected a folder"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_without_traceback(mistake: str, web: Web, tmp_path: Path) -> None:
    words, expected = MISTAKES[mistake]
    answer = unreel("fetch", *(word.format(web=web.address) for word in words), cwd=tmp_path)
    said = " ".join((answer.stdout + answer.stderr).split())
    assert answer.returncode == 2, said
    assert expected in said
    assert "Traceback" not in said


def test_a_killed_fetch_goes_on_where_it_was(web: Web, tmp_path: Path) -> None:
    page = web.pages["/UCF101.rar"]
    padding = {"UCF-101/readme.txt": os.urandom(3_000_000)}
    page.content, page.pause = rar({f"UCF-101/YoYo/{name}.avi": b"video" for name in UCF101} | padding), 0.05
    words = ["fetch", "ucf101", "set", "--from", web.address, "--unverified"]
    part = tmp_path / "set" / "archives" / "UCF101.rar.part"
    child = subprocess.Popen([sys.executable, "-m", "unreel", *words], cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 500_000):
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    have = part.stat().st_size
    page.pause = 0.0
    web.requests.clear()
    answer = unreel(*words, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("5 videos in set")
    assert [(request.path, request.sent) for request in web.requests] == [("/UCF101.rar", len(page.content) - have)]
