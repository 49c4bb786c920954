"""Nothing is ever overwritten, and what is written is whole."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from unreel.engine import files
from unreel.engine.files import check_both_free, check_free, is_unfinished, whole, whole_both, write_once, write_whole
from unreel.errors import OutputError, OverwriteError


def test_free_is_what_is_not_there_or_empty(tmp_path: Path) -> None:
    check_free(tmp_path / "new")
    check_free(tmp_path)


@pytest.mark.parametrize("name", ["folder", "folder/file"])
def test_taken(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("mine")
    with pytest.raises(
        OverwriteError, match=f"{name} exists already and nothing is overwritten: write to another place"
    ):
        check_free(tmp_path / name)


def test_a_file_is_whole_or_as_it_was_and_nothing_is_left(tmp_path: Path) -> None:
    place = tmp_path / "new" / "figures.csv"
    write_whole(place, "one …")
    assert place.read_text(encoding="utf-8") == "one …"
    with pytest.raises(ZeroDivisionError), whole(place) as path:
        assert path.name == place.name
        path.write_bytes(b"half of")
        raise ZeroDivisionError
    assert place.read_text(encoding="utf-8") == "one …"
    assert list(place.parent.iterdir()) == [place]


def test_what_is_written_once_stays_and_takes_the_place_of_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "new" / "table.csv"
    write_once(place, "one …")
    made = place.stat().st_ino
    write_once(place, "one …")
    assert place.stat().st_ino == made
    with pytest.raises(OverwriteError, match=r"table\.csv exists already and nothing is overwritten"):
        write_once(place, "two")
    with pytest.raises(OverwriteError, match="new exists already"):
        write_once(tmp_path / "new", "one …")
    assert place.read_text(encoding="utf-8") == "one …"


def test_a_folder_is_whole_or_not_there_with_the_longest_of_names(tmp_path: Path) -> None:
    place = tmp_path / ("é" * 127)
    with pytest.raises(ZeroDivisionError), whole(place) as path:
        path.mkdir()
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
    with whole(place) as path:
        (path / "a").mkdir(parents=True)
        (path / "a" / "b").touch(mode=0o600)
    assert [each.name for each in place.rglob("*")] == ["a", "b"]
    assert (place / "a" / "b").stat().st_mode & 0o777 == 0o666 & ~_umask()
    taken = pytest.raises(OutputError, match=r"cannot be written: Directory not empty\. Name another place\.$")
    with taken, whole(place) as path:
        path.mkdir()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_is_wrong_with_something_else_is_not_told_of_the_place(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="elsewhere"), whole(tmp_path / "a"):
        (tmp_path / "elsewhere").read_bytes()
    full = pytest.raises(
        OutputError, match=r"a cannot be written: No space left on device\. Free some space or name an"
    )
    with full, whole(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "written by a library that names no file")


WRITER = """
import sys, time
from pathlib import Path
from unreel.engine.files import whole
with whole(Path(sys.argv[1])) as path:
    path.touch()
    print("writes", flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "a")], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        (beside,) = tmp_path.iterdir()
        assert is_unfinished(beside)
        check_free(tmp_path)  # what is not there yet takes no place
        write_whole(tmp_path / "b", "")
        assert {each.name for each in tmp_path.iterdir()} == {beside.name, "b"}
        writer.kill()
    files._swept.clear()  # as in another process
    write_whole(tmp_path / "b", "")
    assert list(tmp_path.iterdir()) == [tmp_path / "b"]


def test_who_removes_what_is_left_at_the_instant_of_beginning_takes_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, seen = files._claim, []

    def after_another_process(folder: Path) -> int | None:
        seen.append(folder)
        if len(seen) == 1:
            monkeypatch.setattr(files, "_swept", set())
            files.sweep(tmp_path)
            assert not folder.exists()
        return claim(folder)

    monkeypatch.setattr(files, "_claim", after_another_process)
    write_whole(tmp_path / "figures.csv", "whole")
    assert len(seen) == 3
    assert [each.name for each in tmp_path.iterdir()] == ["figures.csv"]


def test_both_are_there_or_neither(tmp_path: Path) -> None:
    main, folder = tmp_path / "page.html", tmp_path / "page_files"
    with pytest.raises(ZeroDivisionError), whole_both(main, folder):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
    with whole_both(main, folder) as (first, second):
        first.touch()
        (second / "0.webp").touch()
    assert [each.name for each in sorted(tmp_path.rglob("*"))] == ["page.html", "page_files", "0.webp"]
    with pytest.raises(OverwriteError):
        check_both_free(main, folder)
