"""Videos that are sent: looked at in processes with limits, searched by, removed; and what is sent in their place."""

import zipfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from clips import Clip, cut
from fuzz_damage import bombs, containers, disguised, playlists
from fuzz_pieces import Corpus
from misbehave import hang, hoard
from web_fixtures import SECRET, Shop, awaited

from unreel.engine.limits import Limits
from unreel.engine.locks import locked
from unreel.engine.worker_pool import WorkerPool
from unreel.errors import SettingsError, VideoError
from unreel.web import uploads as module
from unreel.web.site import Site
from unreel.web.uploads import Uploads, own_folder


def send(client: httpx.Client, name: str, content: bytes) -> httpx.Response:
    """Send a file through the API."""
    return client.post("/api/uploads", files={"file": (name, content, "video/mp4")})


def kept(site: Site) -> list[Path]:
    """What lies in the folder of uploads."""
    return [path for path in site.uploads.folder.rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def nothing_was_sent(site: Site) -> None:
    """What other tests have sent is forgotten."""
    for folder in site.uploads.folder.iterdir():
        site.uploads.remove(folder.name)


def test_a_video_of_the_collection_finds_itself(client: httpx.Client, shop: Shop, site: Site) -> None:
    sent = send(client, "../../mine.mp4", (shop.folder / "run/2.mp4").read_bytes())
    assert sent.status_code == 201
    upload = sent.json()
    assert upload["name"] == "mine.mp4"
    assert upload["seconds"] == pytest.approx(34 / 25, abs=0.01)
    found = client.get(f"/api/uploads/{upload['key']}/similar", params={"top": 5}).json()
    for answer in found["answers"]:
        assert answer["note"] == ""
        assert answer["hits"][0]["video"]["id"] == "run/2.mp4"
        assert answer["hits"][0]["similarity"] == pytest.approx(1, abs=1e-6)
    piece = client.get(f"/api/uploads/{upload['key']}/similar", params={"at": 0.2, "seconds": 0.6, "kind": "clip"})
    assert piece.json()["answers"][0]["hits"]
    for what, kind in (("view", "video/mp4"), ("filmstrip", "image/webp")):
        assert client.get(f"/api/uploads/{upload['key']}/{what}").headers["content-type"] == kind
    assert "mine.mp4" in client.get(f"/sent/{upload['key']}").text
    assert kept(site)
    assert client.delete(f"/api/uploads/{upload['key']}").status_code == 204
    assert kept(site) == []
    assert client.get(f"/api/uploads/{upload['key']}/similar").status_code == 404


def test_a_form_sends_too(client: httpx.Client, shop: Shop) -> None:
    name = "<b>mine</b>.avi"
    answer = client.post("/upload", files={"file": (name, (shop.folder / "run/old.avi").read_bytes())})
    assert answer.status_code == 303
    page = client.get(answer.headers["location"]).text
    assert "<b>mine" not in page
    assert "b&gt;.avi" in page
    client.delete(f"/api/uploads/{answer.headers['location'].rpartition('/')[2]}")


REFUSED = {
    "text renamed": ("a.mp4", b"#!/bin/sh\necho no video\n" * 50, 404, "not a video, or damaged beyond opening"),
    "empty": ("a.mp4", b"", 404, "empty file"),
    "no video's name": ("a.exe", b"MZ", 404, "not a video, or damaged beyond opening"),
    "no name": ("x", b"", 404, "empty file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_video_is_refused_and_removed(client: httpx.Client, site: Site, name: str) -> None:
    file, content, status, reason = REFUSED[name]
    answer = send(client, file, content)
    assert answer.status_code == status
    assert reason in answer.json()["detail"]
    assert kept(site) == []


def test_a_truncated_video_is_refused_or_kept_to_where_it_ends(
    client: httpx.Client, site: Site, tmp_path: Path
) -> None:
    whole = cut(Clip(frames=40).write(tmp_path / "a.mp4"), 0.6)
    assert send(client, "a.mp4", whole.read_bytes()).status_code == 404
    streamed = cut(Clip(frames=40).write(tmp_path / "a.mkv"), 0.6)
    answer = send(client, "a.mkv", streamed.read_bytes())
    assert answer.status_code == 201
    assert 0.2 < answer.json()["seconds"] < 1.6
    client.delete(f"/api/uploads/{answer.json()['key']}")
    assert kept(site) == []


def test_too_large_is_refused_before_it_is_looked_at(client: httpx.Client, site: Site) -> None:
    assert send(client, "a.mp4", bytes(2_000_001)).json() == {
        "detail": "got more than 2000000 bytes, expected a smaller video: cut it first."
    }
    assert send(client, "a.mp4", bytes(5_000_000)).status_code == 413
    assert kept(site) == []


def test_nothing_that_may_be_sent_harms_the_server(client: httpx.Client, site: Site, tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "corpus")
    for section in (containers, disguised, playlists, bombs):
        section(corpus)
    sent = sorted(
        path for path in (tmp_path / "corpus").rglob("*") if path.is_file() and path.stat().st_size < 2_000_000
    )
    assert len(sent) > 40
    for path in sent:
        answer = send(client, path.name, path.read_bytes())
        assert answer.status_code in (201, 400, 404), (path, answer.text)
        if answer.status_code == 201:
            client.delete(f"/api/uploads/{answer.json()['key']}")
    assert kept(site) == []


@pytest.mark.parametrize("inside", ["{secret}", "{secret.name}", "../secret/x.mp4", "file://{secret}"])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_a_playlist_reads_no_other_file(client: httpx.Client, shop: Shop, inside: str, name: str) -> None:
    other = shop.folder / "walk/0.mp4"
    for target in (shop.secret, other):
        place = inside.format(secret=target)
        for content in (
            f"ffconcat version 1.0\nfile '{place}'\n",
            f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{place}\n#EXT-X-ENDLIST\n",
            f"ffconcat version 1.0\nfile view.mp4\nfile '{place}'\n",
        ):
            answer = send(client, name, content.encode())
            assert answer.status_code == 404
            assert SECRET.decode() not in answer.text


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    yield content


def taken(folder: Path, seconds: float, work: Any, monkeypatch: pytest.MonkeyPatch, memory: int = 0) -> None:
    """Take an upload that is looked at by something that goes wrong."""
    monkeypatch.setattr(module, "look_at_upload", work)
    with WorkerPool(1, Limits(seconds, memory)) as pool:
        awaited(Uploads(folder, pool, 1000).take("a.mp4", _parts(b"x")))


def test_what_hangs_the_decoder_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VideoError, match=r"^no progress for 0\.5 s"):
        taken(tmp_path, 0.5, hang, monkeypatch)
    assert list(tmp_path.iterdir()) == []


def test_what_takes_too_much_memory_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 3 << 30)
    with pytest.raises(VideoError, match=r"^needs more than 2 GiB of memory"):
        taken(tmp_path, 30.0, hoard, monkeypatch, 2 << 30)
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_are_forgotten(tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    content = (shop.folder / "walk/0.mp4").read_bytes()

    async def several(uploads: Uploads) -> list[str]:
        return [(await uploads.take(f"C:\\videos\\{n}\x1b\n.mp4", _parts(content))).key for n in range(3)]

    with WorkerPool(1, Limits(30.0)) as pool:
        uploads = Uploads(tmp_path, pool, 1_000_000)
        first, second, third = awaited(several(uploads))
        assert uploads.get(third).name == r"2\x1b\n.mp4"
        assert {path.name for path in tmp_path.iterdir()} <= {second, third}
        with pytest.raises(VideoError, match="is not kept any more: send it again"):
            uploads.get(first)
        monkeypatch.setattr(module, "SECONDS_KEPT", -1.0)
        with pytest.raises(VideoError, match="is not kept any more: send it again"):
            uploads.get(third)
        assert list(tmp_path.iterdir()) == []


def test_other_forms_are_skipped(client: httpx.Client) -> None:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.mp4", b"x")
    assert client.post("/api/uploads", content=archive.getvalue()).status_code == 422
    assert client.post("/api/uploads", data={"file": "a.mp4"}).status_code == 422
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/api/uploads", content=b"--y\r\n", headers=broken).status_code in (400, 422)


def test_what_a_dead_server_left_goes_and_what_a_living_one_keeps_stays(tmp_path: Path) -> None:
    with own_folder(tmp_path / "uploads") as living:
        (living / "a.mp4").write_bytes(b"x")
        for name in ("dead", "gone"):
            (tmp_path / "uploads" / f"{name}.lock").touch()
        (tmp_path / "uploads/dead/3f").mkdir(parents=True)
        (tmp_path / "uploads/dead/3f/original").write_bytes(b"private")
        with own_folder(tmp_path / "uploads") as another:
            assert another != living
            assert another.stat().st_mode & 0o077 == 0
            kept = {living.name, another.name, f"{living.name}.lock", f"{another.name}.lock"}
            assert {path.name for path in (tmp_path / "uploads").iterdir()} == kept
        assert (living / "a.mp4").exists()
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_place_for_uploads_that_cannot_be_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(SettingsError, match=r"uploads cannot be written: .*unreel keeps with UNREEL_CACHE\.$"),
        own_folder(tmp_path / "file" / "uploads"),
    ):
        pass
    monkeypatch.setattr("unreel.engine.locks.PATIENCE", 0.1)
    with (
        locked(tmp_path / "lock"),
        pytest.raises(SettingsError, match=r"another unreel holds .*lock: end it first\.$"),
        own_folder(tmp_path),
    ):
        pass
