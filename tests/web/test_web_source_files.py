"""Which files may be opened: those of the collection that are still in it, and no other, however one asks."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from web_fixtures import ELSEWHERE, LOST, SECRET, Shop, awaited, key

from unreel.search.rows import EmbeddingRow
from unreel.web.site import Site
from unreel.web.source_files import Original, Originals


def row(path: Path, source: Path, size: int = 4) -> EmbeddingRow:
    """The row of a video."""
    return EmbeddingRow("x", "video", str(path), str(source), 0.0, 1.0, "", {}, size, "", "hdc", "abc", "5")


@pytest.mark.parametrize(("name", "state"), [*LOST.items(), *ELSEWHERE.items(), ("walk/0.mp4", "same")])
def test_what_has_become_of_a_video_is_told(client: httpx.Client, name: str, state: str) -> None:
    facts = client.get(f"/api/videos/{key(name)}").json()
    assert (facts["id"], facts["state"]) == (name, state)
    assert bool(facts["reason"]) == (state != "same")
    page = client.get(f"/video/{key(name)}").text
    assert (f'<p class="problem">{facts["reason"].capitalize()}.</p>' in page) == (state != "same")


@pytest.mark.parametrize("name", [*ELSEWHERE, "lost/removed.mp4"])
@pytest.mark.parametrize("what", ["original", "piece", "strip", "filmstrip"])
def test_nothing_is_shown_of_what_is_not_there(client: httpx.Client, name: str, what: str) -> None:
    answer = client.get(f"/api/videos/{key(name)}/{what}")
    assert answer.status_code == 404
    assert answer.json()["detail"] in ("lies outside its collection now: not shown", "removed since it was embedded")


@pytest.mark.skipif(os.name != "posix", reason="other systems have other names")
def test_a_name_that_is_not_utf8_is_found(client: httpx.Client) -> None:
    identity = "odd/caf\\xe9.mp4"
    assert client.get(f"/api/videos/{key(identity)}").json()["state"] == "same"
    assert client.get(f"/api/videos/{key(identity)}/strip").status_code == 200


def attacks(secret: Path) -> list[str]:
    """Fifty ways to ask for a file outside the collection, and some more."""
    climb = "../" * 12 + str(secret).lstrip("/")
    paths = [
        climb,
        str(secret),
        f"/{secret}",
        f"file://{secret}",
        climb.replace("../", "....//"),
        climb.replace("../", "..\\"),
        climb + "\0.mp4",
        climb + "%00.mp4",
        "./" + climb,
        "walk/" + climb,
    ]
    encodings: list[Callable[[str], str]] = [
        str,
        quote,
        lambda path: quote(path, safe=""),
        lambda path: quote(quote(path, safe=""), safe=""),
    ]
    places = ["/api/videos/{}/original", "/static/{}", "/video/{}", "/api/uploads/{}/view", "/{}"]
    asked = [place.format(encode(path)) for place in places for path in paths for encode in encodings]
    overlong = climb.replace("../", "%c0%ae%c0%ae/")
    return [*asked, f"/static/{overlong}", f"/api/videos/{overlong}/original"]


def test_no_way_of_asking_reads_a_file_outside(address: str, shop: Shop) -> None:
    asked = attacks(shop.secret)
    assert len(set(asked)) >= 50
    with httpx.Client(base_url=address) as client:
        for path in asked:
            try:
                request = client.build_request("GET", "/")
                request.url = httpx.URL(address, raw_path=path.replace("\0", "%00").encode("utf-8"))
                answer = client.send(request)
            except (httpx.RemoteProtocolError, httpx.InvalidURL):
                continue
            assert answer.status_code in (400, 404, 405, 422, 421), path
            assert SECRET not in answer.content, path


@pytest.mark.parametrize(
    "name", ["../secret/x.mp4", "/etc/hostname", "..", ".", "", "walk/../../secret/x.mp4", "\0", "a" * 5000]
)
def test_a_table_that_lies_about_a_path_opens_nothing(shop: Shop, name: str) -> None:
    found = Originals().find(row(shop.folder / name, shop.folder))
    assert found.path is None
    assert found.state in ("outside", "removed")


def test_links_may_lead_within_the_collection_and_where_it_was_said(tmp_path: Path) -> None:
    folder, other, third = (tmp_path / name for name in ("videos", "other", "third"))
    for each in (folder, other, third):
        each.mkdir()
        (each / "a.mp4").write_bytes(b"1234")
    for name, target in (("in", folder / "a.mp4"), ("out", other / "a.mp4"), ("third", third / "a.mp4")):
        (folder / f"{name}.mp4").symlink_to(target)
    (folder / "round.mp4").symlink_to(folder / "round.mp4")
    originals = Originals([other])
    states = {name: originals.find(row(folder / f"{name}.mp4", folder)).state for name in ("in", "out", "third")}
    assert states == {"in": "same", "out": "same", "third": "outside"}
    assert Originals().find(row(folder / "out.mp4", folder)).state == "outside"
    assert originals.find(row(folder / "round.mp4", folder)).state == "removed"


def test_a_collection_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.mp4").write_bytes(b"1234")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert Originals().find(row(tmp_path / "link/a.mp4", tmp_path / "link")).path == tmp_path / "real/a.mp4"


def test_a_list_names_its_videos_wherever_they_are_but_no_links(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "far").mkdir()
    (tmp_path / "lists/videos.txt").write_text("…")
    (tmp_path / "far/a.mp4").write_bytes(b"1234")
    (tmp_path / "far/link.mp4").symlink_to("/etc/hostname")
    (tmp_path / "lists/link.mp4").symlink_to(tmp_path / "far/a.mp4")
    states = [
        Originals().find(row(tmp_path / name, tmp_path / "lists/videos.txt")).state
        for name in ("far/a.mp4", "far/link.mp4", "lists/link.mp4")
    ]
    assert states == ["same", "outside", "outside"]


def test_no_pipe_and_no_folder_is_opened(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    for name in ("folder.mp4", "pipe.mp4"):
        assert Originals().find(row(tmp_path / name, tmp_path)) == Original("outside")


def test_contents_are_compared_once_for_each_state_of_a_file(site: Site) -> None:
    video = site.catalogue.videos[key("lost/same size.mp4")]
    originals = Originals()
    assert originals.find(video.row).state == "same"  # at a glance
    assert awaited(originals.checked(video.row)).state == "changed"
    assert originals.find(video.row).state == "changed"
    assert awaited(originals.checked(replace(video.row, checksum=""))).state == "changed"
