"""Downloading from a real server on this machine that behaves as badly as real ones do."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web import IMPATIENT, Page, Web

from unreel.errors import CollectionError
from unreel.video.fetch.download import Patience, download, size_of
from unreel.video.fetch.remote import RemoteFile, in_units


def content_of(size: int, seed: int = 0) -> bytes:
    """That many bytes of a zip archive's look."""
    return (b"PK\x03\x04" + hashlib.shake_128(bytes([seed])).digest(max(size, 4)))[:size]


CONTENT = content_of(300_000)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Web() as server:
        yield server


def file_at(*addresses: str, content: bytes | None = None, name: str = "a.zip") -> RemoteFile:
    """A file that may have a published checksum, that of `content`."""
    checksum = "" if content is None else hashlib.sha256(content).hexdigest()
    return RemoteFile(name, addresses, sha256=checksum, homepage="https://example.org/a")


def rejection(file: RemoteFile, path: Path, patience: Patience = IMPATIENT) -> str:
    """The message of the error; nothing may have taken the final name."""
    with pytest.raises(CollectionError) as caught:
        download(file, path, patience)
    assert not path.exists()
    return str(caught.value)


def test_a_file_arrives_whole_in_a_folder_made_for_it(web: Web, tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.zip"
    download(file_at(web.serve("/a.zip", Page(CONTENT)), content=CONTENT), path)
    assert path.read_bytes() == CONTENT
    assert [other.name for other in path.parent.iterdir()] == ["a.zip"]


def test_a_file_that_is_there_is_verified_and_not_downloaded(web: Web, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    file = file_at(web.serve("/a.zip", Page(CONTENT)), content=CONTENT)
    path.write_bytes(CONTENT)
    download(file, path, IMPATIENT)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(CollectionError, match=r"a\.zip has the sha256 [0-9a-f]{64}, expected .*Delete it and run"):
        download(file, path, IMPATIENT)
    assert path.read_bytes() == CONTENT[:-1]
    with pytest.raises(CollectionError, match=r"has 299999 bytes, expected 300000\. Delete"):
        download(replace(file, size=len(CONTENT)), path, IMPATIENT)
    assert not web.requests


@given(data=st.data())
def test_whatever_the_points_where_connections_break_the_file_arrives_whole(data: st.DataObject) -> None:
    size = data.draw(st.integers(4, 200_000), label="size")
    breaks = data.draw(st.lists(st.integers(0, 90_000), max_size=6), label="breaks")
    ranges = data.draw(st.booleans(), label="ranges")
    says_length = data.draw(st.booleans(), label="says length")
    etag, modified = data.draw(
        st.sampled_from([('"one"', ""), ("", "Mon, 01 Jan 2024 00:00:00 GMT"), ('W/"weak"', ""), ("", "")])
    )
    content = content_of(size)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch, Web() as web:
        patch.setenv("NO_PROXY", "127.0.0.1")
        # without a length or a checksum nothing tells an end from a break
        page = Page(content, etag=etag, modified=modified, ranges=ranges, says_length=says_length, breaks=breaks)
        page.breaks = breaks if says_length else []
        path = Path(folder, "a.zip")
        file = file_at(web.serve("/a.zip", page), content=content if data.draw(st.booleans(), label="sum") else None)
        download(file, path, replace(IMPATIENT, attempts=10))
        assert path.read_bytes() == content
        assert [other.name for other in path.parent.iterdir()] == ["a.zip"]
        if ranges and (file.sha256 or (etag.startswith('"') or modified)):
            assert sum(request.sent for request in web.gets()) == size


def test_a_killed_download_goes_on_where_it_was(web: Web, tmp_path: Path) -> None:
    content = content_of(6_000_000)
    page = Page(content, pause=0.02)
    path, part = tmp_path / "a.zip", tmp_path / "a.zip.part"
    file = file_at(web.serve("/a.zip", page))
    code = "import sys; from pathlib import Path; from unreel.video.fetch.download import download\n"
    code += "from unreel.video.fetch.remote import RemoteFile\n"
    code += "download(RemoteFile('a.zip', (sys.argv[1],)), Path(sys.argv[2]))"
    child = subprocess.Popen([sys.executable, "-c", code, file.addresses[0], str(path)])
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 1_000_000):
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    have = part.stat().st_size
    assert not path.exists()
    page.pause = 0.0
    download(file, path, IMPATIENT)
    assert path.read_bytes() == content
    assert web.gets()[-1].range == f"bytes={have}-"
    assert web.gets()[-1].sent == len(content) - have


def interrupted(web: Web, page: Page, path: Path, file: RemoteFile | None = None) -> RemoteFile:
    """A download that broke off after 100,000 bytes and was given up."""
    page.breaks = [100_000, 0]
    file = file or file_at(web.serve("/a.zip", page))
    rejection(file, path, replace(IMPATIENT, attempts=1))
    assert path.with_name("a.zip.part").stat().st_size == 100_000
    page.breaks = []
    web.requests.clear()
    return file


@pytest.mark.parametrize("validator", ["etag", "modified"])
def test_a_file_that_has_changed_meanwhile_is_downloaded_anew(validator: str, web: Web, tmp_path: Path) -> None:
    page = Page(CONTENT, etag="", modified="")
    setattr(page, validator, '"one"')
    file = interrupted(web, page, tmp_path / "a.zip")
    page.content = content_of(250_000, seed=1)
    setattr(page, validator, '"two"')
    download(file, tmp_path / "a.zip", IMPATIENT)
    assert (tmp_path / "a.zip").read_bytes() == page.content
    assert [request.if_range for request in web.gets()] == ['"one"']


@pytest.mark.parametrize("odd", ["another etag", "another size", "another beginning", "no range"])
def test_a_rest_that_does_not_fit_is_not_appended(odd: str, web: Web, tmp_path: Path) -> None:
    page = Page(CONTENT)
    file = interrupted(web, page, tmp_path / "a.zip")
    page.content = content_of(300_000, seed=1)

    class Careless(str):
        """Equal to everything, as for a server that does not look at If-Range."""

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = str.__hash__

    page.etag = Careless('"two"' if odd == "another etag" else '"one"')
    ranges = {"another size": "bytes 100000-300000/300001", "another beginning": "bytes 0-299999/300000"}
    page.range = ranges.get(odd, "garbage" if odd == "no range" else "")
    download(file, tmp_path / "a.zip", IMPATIENT)
    assert (tmp_path / "a.zip").read_bytes() == page.content
    assert [request.range for request in web.gets()] == ["bytes=100000-", ""]


def test_a_file_that_became_shorter_is_downloaded_anew(web: Web, tmp_path: Path) -> None:
    page = Page(CONTENT)
    file = interrupted(web, page, tmp_path / "a.zip")
    page.content = content_of(50_000)
    download(file, tmp_path / "a.zip", IMPATIENT)
    assert (tmp_path / "a.zip").read_bytes() == page.content


def test_a_whole_part_is_verified_without_asking_again(web: Web, tmp_path: Path) -> None:
    file = interrupted(web, Page(CONTENT), tmp_path / "a.zip")
    (tmp_path / "a.zip.part").write_bytes(CONTENT)
    download(file, tmp_path / "a.zip", IMPATIENT)
    assert not web.requests
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_whole_part_of_unknown_size_is_asked_for_once(web: Web, tmp_path: Path) -> None:
    page = Page(CONTENT, says_length=False)
    address = web.serve("/a.zip", page)
    (tmp_path / "a.zip.part").write_bytes(CONTENT)
    (tmp_path / "a.zip.part.json").write_text(f'{{"address": "{address}", "etag": "\\"one\\""}}')
    download(file_at(address), tmp_path / "a.zip", IMPATIENT)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert sum(request.sent for request in web.requests) == 0


@pytest.mark.parametrize("note", ["", "[]", "{", '{"colour": 1}', None])
def test_a_part_without_its_note_is_downloaded_anew(note: str | None, web: Web, tmp_path: Path) -> None:
    file = interrupted(web, Page(CONTENT), tmp_path / "a.zip")
    (tmp_path / "a.zip.part.json").unlink()
    if note is not None:
        (tmp_path / "a.zip.part.json").write_text(note)
    (tmp_path / "a.zip.part").write_bytes(bytes(100_000))
    download(file, tmp_path / "a.zip", IMPATIENT)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_server_in_trouble_is_asked_again(web: Web, tmp_path: Path) -> None:
    page = Page(CONTENT, statuses=[500, 503])
    download(file_at(web.serve("/a.zip", page)), tmp_path / "a.zip", IMPATIENT)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    page = Page(CONTENT, statuses=[429, 502, 504])
    said = rejection(file_at(web.serve("/b.zip", page)), tmp_path / "b.zip")
    assert f"{web.address}/b.zip answered 504 Gateway Timeout, and 3 attempts brought nothing new" in said


def test_new_bytes_make_for_new_patience(web: Web, tmp_path: Path) -> None:
    page = Page(CONTENT, breaks=[0, 0, 70_000, 0, 0, 70_000, 0, 0, 70_000, 0, 0])
    download(file_at(web.serve("/a.zip", page)), tmp_path / "a.zip", IMPATIENT)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert len(web.requests) == 12


def test_pauses_grow_to_a_limit(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("unreel.video.fetch.download.time", SimpleNamespace(sleep=pauses.append))
    patience = Patience(attempts=6, first_pause=1.0, longest_pause=10.0)
    rejection(file_at(web.serve("/a.zip", Page(CONTENT, statuses=[503] * 9))), tmp_path / "a.zip", patience)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 10.0]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final_and_says_what_to_do(status: int, web: Web, tmp_path: Path) -> None:
    file = file_at(web.serve("/a.zip", Page(statuses=[status])))
    said = rejection(file, tmp_path / "a.zip")
    assert said.startswith(f"a.zip could not be downloaded:\n  {web.address}/a.zip answered {status} ")
    assert f"with a browser from https://example.org/a to {tmp_path / 'a.zip'} and run this again" in said
    assert len(web.requests) == 1


def test_the_next_address_is_tried_and_all_are_named(web: Web, tmp_path: Path) -> None:
    wrong, right = f"{web.address}/moved.zip", web.serve("/a.zip", Page(CONTENT))
    download(file_at(wrong, right), tmp_path / "a.zip", IMPATIENT)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    said = rejection(file_at(wrong, f"{wrong}2"), tmp_path / "b.zip")
    assert f"{wrong} answered 404" in said
    assert f"{wrong}2 answered 404" in said


def test_a_beginning_from_another_address_is_not_gone_on_with(web: Web, tmp_path: Path) -> None:
    interrupted(web, Page(CONTENT), tmp_path / "a.zip")
    other = web.serve("/other.zip", Page(content_of(200_000, seed=1)))
    download(file_at(other), tmp_path / "a.zip", IMPATIENT)
    assert (tmp_path / "a.zip").read_bytes() == content_of(200_000, seed=1)


HTML = b"<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title>"
WRONG: dict[str, tuple[str, bytes, str]] = {
    "html as zip": ("a.zip", HTML, "gave a page of HTML that begins with b'<!DOCTYPE html"),
    "html as rar": ("a.rar", b"\n " + HTML, "gave a page of HTML"),
    "html as tar.gz": ("a.tar.gz", HTML, "gave a page of HTML"),
    "html as list": ("a.csv", HTML, "gave a page of HTML"),
    "zip as rar": ("a.rar", content_of(99), "gave a file that begins with b'PK"),
    "nothing": ("a.zip", b"", "gave a file that begins with b'', expected .zip"),
    "a beginning": ("a.rar", b"Rar!", "gave a file that begins with b'Rar!', expected .rar"),
}


@pytest.mark.parametrize("case", WRONG)
def test_something_else_than_the_file_is_rejected(case: str, web: Web, tmp_path: Path) -> None:
    name, content, expected = WRONG[case]
    assert expected in rejection(file_at(web.serve("/a", Page(content)), name=name), tmp_path / name)
    assert len(web.requests) == 1


def test_garbage_of_the_right_length_is_kept_aside(web: Web, tmp_path: Path) -> None:
    garbage = content_of(300_000, seed=1)
    file = file_at(web.serve("/a.zip", Page(garbage)), content=CONTENT)
    said = rejection(file, tmp_path / "a.zip")
    assert f"has the sha256 {hashlib.sha256(garbage).hexdigest()}, expected {file.sha256}" in said
    assert f"it is kept as {tmp_path / 'a.zip.rejected'}" in said
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip.rejected"]
    web.pages["/a.zip"].content = CONTENT
    download(file, tmp_path / "a.zip", IMPATIENT)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_another_size_than_the_published_one_is_refused_at_once(web: Web, tmp_path: Path) -> None:
    file = replace(file_at(web.serve("/a.zip", Page(CONTENT))), size=299_999)
    assert "has a file of 300000 bytes, expected 299999" in rejection(file, tmp_path / "a.zip")


def test_a_length_that_promises_too_much_is_not_believed(web: Web, tmp_path: Path) -> None:
    file = file_at(web.serve("/a.zip", Page(CONTENT, length=300_007)))
    assert "has 300000 bytes, but said 300007 before" in rejection(file, tmp_path / "a.zip")
    web.pages["/a.zip"].ranges = False
    assert "broke off after 300000 of 300007 bytes" in rejection(file, tmp_path / "a.zip")


def test_a_length_that_promises_too_little_is_caught_by_the_checksum(web: Web, tmp_path: Path) -> None:
    file = file_at(web.serve("/a.zip", Page(CONTENT, length=299_000)), content=CONTENT)
    assert "has the sha256" in rejection(file, tmp_path / "a.zip")
    assert (tmp_path / "a.zip.rejected").stat().st_size == 299_000


@pytest.mark.parametrize("after", [0, 70_000])
def test_a_silent_server_is_given_up(after: int, web: Web, tmp_path: Path) -> None:
    page = Page(CONTENT, silent=after)
    began = time.monotonic()
    said = rejection(file_at(web.serve("/a.zip", page)), tmp_path / "a.zip", replace(IMPATIENT, silence=0.2))
    assert "timed out" in said.lower()
    assert time.monotonic() - began < 10


def test_a_server_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Web() as web:
        address = f"{web.address}/a.zip"
    said = rejection(file_at(address), tmp_path / "a.zip")
    assert f"{address} could not be reached: Connection refused, and 3 attempts" in said


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/a.zip", "a.zip", "http://"])
def test_an_address_that_makes_no_sense_is_rejected(address: str, tmp_path: Path) -> None:
    assert "cannot be asked" in rejection(file_at(address), tmp_path / "a.zip")


def test_redirects_are_followed_and_gone_on_with(web: Web, tmp_path: Path) -> None:
    there = web.serve("/there", Page(CONTENT, breaks=[100_000]))
    download(file_at(web.serve("/here", Page(redirect=there))), tmp_path / "a.zip", IMPATIENT)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert sum(request.sent for request in web.gets()) == len(CONTENT)
    circle = web.serve("/circle", Page(redirect=f"{web.address}/circle"))
    assert "cannot be asked: Exceeded 30 redirects" in rejection(file_at(circle), tmp_path / "b.zip")


def test_a_full_disk_is_noticed_before(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=299_999))
    said = rejection(file_at(web.serve("/a.zip", Page(CONTENT))), tmp_path / "a.zip")
    assert f"a.zip needs 300.0 kB more, but {tmp_path} has 300.0 kB free. Make room" in said
    assert len(web.requests) == 1
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=300_000))
    download(file_at(web.serve("/a.zip", Page(CONTENT))), tmp_path / "a.zip", IMPATIENT)


def test_a_place_that_cannot_be_written_is_named(web: Web, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    file = file_at(web.serve("/a.zip", Page(CONTENT)))
    with pytest.raises(CollectionError, match=r"a\.zip cannot be written: (File exists|Not a directory)\. Mend that"):
        download(file, tmp_path / "file" / "a.zip", IMPATIENT)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """One that nobody vouches for, as good as one whose chain is incomplete."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate")
    path = tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=127.0.0.1"
    subprocess.run([*command.split(), "-keyout", path, "-out", tmp_path / "c.pem"], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + (tmp_path / "c.pem").read_bytes())
    return path


def test_a_certificate_that_nobody_vouches_for_needs_a_checksum(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Web(certificate) as web:
        address = web.serve("/a.zip", Page(CONTENT))
        said = rejection(file_at(address), tmp_path / "a.zip")
        assert "has a certificate that cannot be verified: " in said
        assert not web.gets()
        download(file_at(address, content=CONTENT), tmp_path / "a.zip", IMPATIENT)
        assert (tmp_path / "a.zip").read_bytes() == CONTENT
        forged = file_at(web.serve("/b.zip", Page(content_of(300_000, seed=1))), content=CONTENT)
        assert "has the sha256" in rejection(forged, tmp_path / "b.zip")


def test_the_size_is_asked_where_it_is_not_published(web: Web) -> None:
    file = file_at(web.serve("/a.zip", Page(CONTENT)))
    assert size_of(file, IMPATIENT) == len(CONTENT)
    assert [request.method for request in web.requests] == ["HEAD"]
    assert size_of(replace(file, size=7), IMPATIENT) == 7
    assert size_of(file_at(f"{web.address}/nowhere"), IMPATIENT) is None
    assert size_of(file_at(web.serve("/b.zip", Page(CONTENT, says_length=False))), IMPATIENT) is None
    assert size_of(file_at(web.serve("/c.zip", Page(statuses=[503]))), IMPATIENT) is None


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (113_943, "113.9 kB"), (6_932_971_618, "6.9 GB")],
)
def test_sizes_are_told_for_people(size: int, text: str) -> None:
    assert in_units(size) == text
