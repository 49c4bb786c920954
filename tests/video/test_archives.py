"""Unpacking: whole or not at all, and never outside the folder."""

import errno
import gzip
import io
import os
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rar import END, packed_rar, rar

from unreel.errors import CollectionError
from unreel.video.fetch import archives
from unreel.video.fetch.archives import is_unpacked, rar_tool, unpack

FILES = {
    "UCF-101/Archery/v_Archery_g01_c01.avi": bytes(range(256)) * 700,
    "UCF-101/YoYo/v_YoYo_g01_c01.avi": b"yo",
    "ucfTrainTestlist/leer.txt": b"",
    "ucfTrainTestlist/größe.txt": b"1 ApplyEyeMakeup\r\n",
}
FOLDER = "UCF-101/Archery"
SUFFIXES = ["zip", "tar.gz", "tgz", "rar"]


def write(path: Path, files: dict[str, bytes]) -> Path:
    """An archive of the kind that the suffix names, with an entry for the folder of the first file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = next(iter(files), "").rpartition("/")[0]
    if path.suffix == ".rar":
        path.write_bytes(rar(files, folders=(folder,) if folder else ()))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            if folder:
                packed.mkdir(folder) if hasattr(packed, "mkdir") else packed.writestr(f"{folder}/", b"")
            for name, content in files.items():
                packed.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz") as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            info = tarfile.TarInfo(f"./{folder}")
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
    return path


def held(folder: Path) -> dict[str, bytes]:
    """The files below a folder."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def rejection(archive: Path, folder: Path) -> str:
    """The message of the error; nothing may look finished."""
    with pytest.raises(CollectionError) as caught:
        unpack(archive, folder)
    assert not is_unpacked(archive)
    assert not held(folder)
    return str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_kind_of_archive_is_unpacked(suffix: str, tmp_path: Path) -> None:
    archive = write(tmp_path / "archives" / f"a.{suffix}", FILES)
    assert unpack(archive, tmp_path / "data") == len(FILES)
    assert held(tmp_path / "data") == FILES
    assert is_unpacked(archive)
    assert {path.name for path in archive.parent.iterdir()} == {f"a.{suffix}", f"a.{suffix}.unpacked"}


def test_an_archive_is_unpacked_once(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.zip", FILES)
    assert not is_unpacked(archive)
    unpack(archive, tmp_path / "data")
    shutil.rmtree(tmp_path / "data")
    archive.unlink()
    assert is_unpacked(archive)
    assert unpack(archive, tmp_path / "data") == len(FILES)
    assert not (tmp_path / "data").exists()


def test_without_its_folders_and_over_what_is_there(tmp_path: Path) -> None:
    first = write(tmp_path / "part_0.tar.gz", {"./a.mp4": b"damaged", "./b.mp4": b"b"})
    second = write(tmp_path / "new.tgz", {"home/someone/train/a.mp4": b"whole"})
    assert unpack(first, tmp_path / "train", flat=True) == 2
    assert unpack(second, tmp_path / "train", flat=True) == 1
    assert held(tmp_path / "train") == {"a.mp4": b"whole", "b.mp4": b"b"}


def test_a_rar_of_rars_is_unpacked_to_its_end(tmp_path: Path) -> None:
    wave, clap = {"wave/a.avi": b"a" * 99_999, "wave/b (1) #.avi": b"b"}, {"clap/a.avi": b"c"}
    archive = tmp_path / "hmdb51_org.rar"
    archive.write_bytes(rar({"wave.rar": rar(wave, folders=("wave",)), "clap.rar": rar(clap)}))
    assert unpack(archive, tmp_path / "hmdb51_org") == 3
    assert held(tmp_path / "hmdb51_org") == wave | clap


def test_a_damaged_rar_in_a_rar_is_named(tmp_path: Path) -> None:
    inner = bytearray(rar({"wave/a.avi": b"a" * 1000}))
    inner[500] ^= 1
    archive = tmp_path / "hmdb51_org.rar"
    archive.write_bytes(rar({"clap.rar": rar({"clap/a.avi": b"c"}), "wave.rar": bytes(inner)}))
    said = rejection(archive, tmp_path / "data")
    assert said.startswith(f"{archive} is damaged: wave.rar in it: ")
    assert said.endswith("Delete it and run this again: it is downloaded anew.")


def test_a_stop_half_way_leaves_nothing_that_looks_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write(tmp_path / "archives" / "a.zip", FILES)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archives, "_move", stop)
        with pytest.raises(KeyboardInterrupt):
            unpack(archive, tmp_path / "data")
    assert not is_unpacked(archive)
    assert not (tmp_path / "data").exists()
    half = archive.parent / ".a.zip.unpacking"
    assert held(half)
    (half / "stale.avi").write_bytes(b"from the run before")
    assert unpack(archive, tmp_path / "data") == len(FILES)
    assert held(tmp_path / "data") == FILES


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=60)
@given(data=st.data())
def test_a_truncated_archive_is_rejected(
    suffix: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("truncated")
    archive = write(folder / f"a.{suffix}", FILES)
    content = archive.read_bytes()
    # Cut exactly between two files a rar looks whole: that is what published checksums are for.
    names = list(FILES) if suffix == "rar" else []
    counts = range(1, len(names) + 1)
    seams = [len(rar({name: FILES[name] for name in names[:count]}, folders=(FOLDER,))) - len(END) for count in counts]
    most = min([*seams[-1:], len(content)]) - 1
    kept = data.draw(st.integers(0, most).filter(lambda length: length not in seams))
    archive.write_bytes(content[:kept])
    said = rejection(archive, folder / "data")
    assert said.startswith(f"{archive} is damaged: ")


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(data=st.data())
def test_a_flipped_bit_never_goes_unnoticed(
    suffix: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    archive = write(folder / f"a.{suffix}", {name: content[:300] for name, content in FILES.items()})
    content = bytearray(archive.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    archive.write_bytes(content)
    try:
        unpack(archive, folder / "data")
    except CollectionError as error:
        assert f"{archive} is damaged" in str(error) or "Make room" in str(error)
        assert not held(folder / "data")
        assert not is_unpacked(archive)
    else:
        assert held(folder / "data") == {name: content[:300] for name, content in FILES.items()}


@pytest.mark.parametrize("name", ["../out.avi", "a/../../out.avi", "/tmp/out.avi", "..\\out.avi", "C:\\out.avi", ".."])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_name_that_leads_out_is_rejected(suffix: str, name: str, tmp_path: Path) -> None:
    archive = write(tmp_path / "in" / f"a.{suffix}", {"good.avi": b"good", name: b"evil"})
    said = rejection(archive, tmp_path / "in" / "data")
    assert "leads out of the folder" in said
    assert not list(tmp_path.rglob("out.avi"))


def tar_with(path: Path, **facts: object) -> Path:
    """An archive whose second entry is something else than a file."""
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("good.avi"))
        info = tarfile.TarInfo("odd.avi")
        for name, value in facts.items():
            setattr(info, name, value)
        tar.addfile(info)
    return path


def zip_with_link(path: Path) -> Path:
    info = zipfile.ZipInfo("odd.avi")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(info, "/etc/passwd")
    return path


def test_links_and_devices_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "d.rar").write_bytes(rar({"good.avi": b"good"}, links={"odd.avi": "/etc/passwd"}))
    for archive in (
        tar_with(tmp_path / "a.tar.gz", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        tar_with(tmp_path / "b.tar.gz", type=tarfile.LNKTYPE, linkname="good.avi"),
        tar_with(tmp_path / "c.tar.gz", type=tarfile.CHRTYPE),
        zip_with_link(tmp_path / "e.zip"),
        tmp_path / "d.rar",
    ):
        assert "'odd.avi' is no plain file" in rejection(archive, tmp_path / "data")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_has_no_room_is_not_begun(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write(tmp_path / f"a.{suffix}", FILES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100_000))
    assert f"bytes, but {tmp_path} has 100,000 free. Make room" in rejection(archive, tmp_path / "data")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_archive_without_files_is_rejected(suffix: str, tmp_path: Path) -> None:
    assert "it holds no file" in rejection(write(tmp_path / f"a.{suffix}", {}), tmp_path / "data")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.zip", FILES)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "UCF-101").write_bytes(b"a file")
    with pytest.raises(CollectionError, match=r"a\.zip cannot be unpacked into .*: (File exists|Not a directory)\. "):
        unpack(archive, tmp_path / "data")
    assert not is_unpacked(archive)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EINVAL])  # EINVAL: a name that the disk's file system lacks
def test_a_file_that_cannot_be_written_is_no_damage(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, opened = write(tmp_path / "a.zip", FILES), Path.open

    def open_or_fail(path: Path, mode: str = "r", **more: Any) -> Any:
        if path.name.startswith("v_YoYo"):
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, mode, **more)

    monkeypatch.setattr(Path, "open", open_or_fail)
    assert f"cannot be unpacked into {tmp_path / 'data'}: {os.strerror(number)}. Mend that" in rejection(
        archive, tmp_path / "data"
    )


def test_a_zip_with_a_password_is_rejected(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.zip", {"a.avi": b"a"})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    content[6] |= 1
    archive.write_bytes(content)
    assert "password" in rejection(archive, tmp_path / "data")


def test_a_zip_that_lists_fewer_files_than_it_says_is_rejected(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.zip", FILES)
    content = bytearray(archive.read_bytes())
    content[content.rindex(b"PK\x05\x06") + 10] += 1
    archive.write_bytes(content)
    entries = len(FILES) + 1
    assert f"it says it holds {entries + 1} entries, but lists {entries}" in rejection(archive, tmp_path / "data")


def test_an_archive_that_is_not_there_is_not_called_damaged(tmp_path: Path) -> None:
    said = rejection(tmp_path / "a.zip", tmp_path / "data")
    assert "a.zip cannot be unpacked into" in said
    assert "No such file" in said


def program(folder: Path, script: str) -> None:
    """A program called unrar that the tests can foresee."""
    folder.mkdir()
    (folder / "unrar").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "unrar").chmod(0o755)


def test_a_compressed_rar_needs_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    archive = tmp_path / "a.rar"
    archive.write_bytes(packed_rar(FILES))
    said = rejection(archive, tmp_path / "data")
    assert said.startswith("got a rar archive and no program that unpacks it. Install unrar or unar (")
    with pytest.raises(CollectionError, match="no program that unpacks it"):
        rar_tool()
    program(tmp_path / "bin", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    rar_tool()


def test_one_run_of_the_program_gives_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, calls = tmp_path / "stream", tmp_path / "calls"
    stream.write_bytes(b"".join(FILES.values()))
    program(tmp_path / "bin", f'echo "$@" >> {calls}\n[ "$2" = "-?" ] || exec /bin/cat {stream}')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    archive = tmp_path / "a.rar"
    archive.write_bytes(packed_rar(FILES))
    assert unpack(archive, tmp_path / "data") == len(FILES)
    assert held(tmp_path / "data") == FILES
    assert calls.read_text().splitlines() == ["-inul -?", f"p -inul -p- -- {archive}"]


STREAMS = {
    "nothing": (b"", "ends after 0 of 179200 bytes, as unrar reads it"),
    "too little": (b"".join(FILES.values())[:-3], "ends after 15 of 18 bytes, as unrar reads it"),
    "too much": (b"".join(FILES.values()) + b"!", "unrar finds another content in it than it lists"),
    "something else": (bytes(179_220), "has the checksum"),
}


@pytest.mark.parametrize("case", STREAMS)
def test_a_program_that_gives_something_else_is_not_believed(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, expected = STREAMS[case]
    (tmp_path / "stream").write_bytes(content)
    program(tmp_path / "bin", f'[ "$2" = "-?" ] || exec /bin/cat {tmp_path / "stream"}')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "a.rar").write_bytes(packed_rar(FILES))
    assert expected in rejection(tmp_path / "a.rar", tmp_path / "data")


def test_a_tar_that_is_not_zipped_is_rejected(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.tar.gz", FILES)
    archive.write_bytes(gzip.decompress(archive.read_bytes()))
    assert "Not a gzipped file" in rejection(archive, tmp_path / "data")
