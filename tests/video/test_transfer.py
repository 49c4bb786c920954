"""Files come into another folder whole or not at all; nothing is overwritten, and the same again does the rest."""

import errno
import os
import sys
from pathlib import Path

import pytest
from folders import checksums

from unreel.engine import files as files_module
from unreel.errors import OutputError
from unreel.video.collection.transfer import Links, transfer

NAMES = ["a.mp4", "run/b\nc.mp4", "run/deep er/ünï.mp4", os.fsdecode(b"caf\xe9.mp4")]


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[Path, Path]]:
    for number, name in enumerate(NAMES):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * (1000 + number))
        os.utime(path, ns=(10**18, 10**18 + number))
    (tmp_path / "in/empty.mp4").touch()
    return [(tmp_path / "in" / name, Path(name)) for name in [*NAMES, "empty.mp4"]]


def no_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", link)


@pytest.mark.parametrize("links", ["auto", "hard", "soft", "copy"])
def test_what_comes_is_what_was(links: Links, files: list[tuple[Path, Path]], tmp_path: Path) -> None:
    before, out = checksums(tmp_path / "in"), tmp_path / "out"
    assert transfer(files, out, links) == {}
    assert checksums(out) == before == checksums(tmp_path / "in")
    for original, place in files:
        copy = out / place
        assert copy.is_symlink() == (links == "soft")
        assert copy.samefile(original) == (links != "copy")
        assert copy.stat().st_mtime_ns == original.stat().st_mtime_ns


def test_without_hard_links_files_are_copied(
    files: list[tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_hard_links(monkeypatch)
    assert transfer(files, tmp_path / "out", "auto") == {}
    assert checksums(tmp_path / "out") == checksums(tmp_path / "in")
    assert not any((tmp_path / "out" / place).samefile(original) for original, place in files)
    with pytest.raises(OutputError, match=r"cannot be a hard link to .*: Invalid cross-device link\. Copy where"):
        transfer(files, tmp_path / "other", "hard")


@pytest.mark.parametrize("first", ["auto", "soft", "copy"])
@pytest.mark.parametrize("then", ["hard", "soft", "copy"])
def test_what_is_there_stays(first: Links, then: Links, files: list[tuple[Path, Path]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert transfer(files[:3], out, first) == {}
    made = [(out / place).lstat() for _, place in files[:3]]
    assert transfer(files, out, then) == {}
    assert [(out / place).lstat() for _, place in files[:3]] == made
    assert checksums(out) == checksums(tmp_path / "in")


def test_a_copy_with_another_time_is_known_by_its_content(files: list[tuple[Path, Path]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    transfer(files, out, "copy")
    os.utime(out / "a.mp4")
    assert transfer(files, out, "auto") == {}
    (out / "a.mp4").write_bytes(b"!" * 1000)
    assert transfer(files, out, "auto") == {Path("a.mp4"): f"another file is called {out / 'a.mp4'}"}


def test_others_are_never_overwritten_and_the_rest_goes_on(files: list[tuple[Path, Path]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.mp4").symlink_to("nowhere")
    (out / "empty.mp4").mkdir()
    (out / "of somebody.txt").write_text("precious")
    (tmp_path / "in/run/b\nc.mp4").unlink()
    os.mkfifo(tmp_path / "in/pipe.mp4")
    (tmp_path / "in/round.mp4").symlink_to("round.mp4")
    more = [(tmp_path / "in" / name, Path(name)) for name in ("pipe.mp4", "round.mp4", "zero\0.mp4")]
    reasons = transfer([*files, *more], out, "auto")
    assert {place.as_posix(): reason for place, reason in reasons.items()} == {
        "a.mp4": f"another file is called {out / 'a.mp4'}",
        "empty.mp4": f"another file is called {out / 'empty.mp4'}",
        "run/b\nc.mp4": "cannot be read: No such file or directory",
        "pipe.mp4": "not a regular file",
        "round.mp4": reasons[Path("round.mp4")],
        "zero\0.mp4": reasons[Path("zero\0.mp4")],
    }
    assert (out / "a.mp4").readlink() == Path("nowhere")
    assert (out / "of somebody.txt").read_text() == "precious"
    assert (out / NAMES[2]).samefile(tmp_path / "in" / NAMES[2])


def test_what_stops_in_the_middle_of_a_copy_leaves_nothing_of_it(
    files: list[tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, settle, done = tmp_path / "out", files_module._settle, list[Path]()

    def full(made: Path, path: Path) -> None:
        if len(done) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done.append(path)
        settle(made, path)

    monkeypatch.setattr(files_module, "_settle", full)
    with pytest.raises(OutputError, match=r"cannot be written: No space left on device\. Free some space or name"):
        transfer(files, out, "copy")
    assert sorted(path for path in out.rglob("*") if not path.is_dir()) == sorted(done)
    monkeypatch.undo()
    assert transfer(files, out, "copy") == {}
    assert checksums(out) == checksums(tmp_path / "in")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has a regular file whose first byte cannot be read")
def test_a_file_that_fails_in_reading_is_told_and_the_rest_goes_on(
    files: list[tuple[Path, Path]], tmp_path: Path
) -> None:
    reasons = transfer([(Path("/proc/self/mem"), Path("bad.mp4")), *files], tmp_path / "out", "copy")
    assert reasons == {Path("bad.mp4"): "cannot be read: Input/output error"}
    assert checksums(tmp_path / "out") == checksums(tmp_path / "in")


def test_a_place_that_is_no_folder_is_told(files: list[tuple[Path, Path]], tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match=r"out/a\.mp4 cannot be written: (File exists|Not a directory)\. Name anoth"):
        transfer(files, tmp_path / "out", "auto")
