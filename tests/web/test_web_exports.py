"""What was selected, as a list, a table and clips: complete, in its order, and harmless wherever it is opened."""

import csv
import zipfile
from io import BytesIO, StringIO
from pathlib import PurePosixPath

import httpx
import pytest
from web_fixtures import NASTY, Shop, key

from unreel.search.rows import EmbeddingRow
from unreel.video.collection.discover import find_videos
from unreel.video.collection.path_lists import collected
from unreel.web.catalogue import Video
from unreel.web.exports import as_table
from unreel.web.selection import SelectedVideo
from unreel.web.site import Site

HIT = f"{key('long.mp4')}@1.000-2.500~0.912345"


def export(client: httpx.Client, form: str, *items: str) -> httpx.Response:
    """Export through the API."""
    return client.post(f"/api/exports/{form}", json={"items": items})


def names_of(answer: httpx.Response) -> list[str]:
    """The files of a zip."""
    archive = zipfile.ZipFile(BytesIO(answer.content))
    assert archive.testzip() is None
    return archive.namelist()


def test_a_list_is_one_that_unreel_takes(client: httpx.Client, shop: Shop) -> None:
    answer = export(client, "list", key("run/1.mp4"), HIT, key("walk/0.mp4"), key("run/1.mp4"))
    assert answer.headers["content-disposition"] == 'attachment; filename="videos.txt"'
    assert answer.text.splitlines() == [str(shop.folder / name) for name in ("run/1.mp4", "long.mp4", "walk/0.mp4")]
    listed = shop.folder.parent / "videos.txt"
    listed.write_text(answer.text)
    assert len(collected(listed).files) == 3


def test_a_list_holds_any_name(client: httpx.Client, shop: Shop) -> None:
    names = (*NASTY, "odd/caf\\xe9.mp4", "lost/removed.mp4")
    listed = shop.folder.parent / "odd.txt"
    listed.write_text(export(client, "list", *map(key, names)).text, newline="")
    found = {file.id: file.path.is_file() for file in collected(listed).files}
    assert found == {f"{shop.folder}/{name}": name != "lost/removed.mp4" for name in names}


def test_a_table_has_times_labels_and_similarities(client: httpx.Client, shop: Shop) -> None:
    answer = export(client, "csv", HIT, key("walk/0.mp4"), *map(key, NASTY))
    assert answer.headers["content-type"].startswith("text/csv")
    header, hit, walk, *odd = csv.reader(StringIO(answer.text.removeprefix("\ufeff"), newline=""))
    assert header == ["path", "start", "end", "label", "similarity"]
    assert hit == [str(shop.folder / "long.mp4"), "1.000", "2.500", "", "0.912345"]
    assert walk == [str(shop.folder / "walk/0.mp4"), "0.000", "1.200", "walk", ""]
    assert [row[0] for row in odd] == [str(shop.folder / name) for name in NASTY]


@pytest.mark.parametrize("label", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_spreadsheets_compute_nothing(label: str) -> None:
    row = EmbeddingRow("=1.mp4", "video", "=1.mp4", "", 0.0, 1.0, label, {}, 1, "", "hdc", "abc", "5")
    _, values = csv.reader(
        StringIO(as_table([SelectedVideo(Video("k", row), 0.0, 1.0, False)], lambda _: label), newline="")
    )
    assert values[0] == "'=1.mp4"
    assert values[3] == "'" + label


def test_clips_are_cut_and_what_cannot_be_is_told(client: httpx.Client) -> None:
    items = [HIT, key("run/old.avi"), key("lost/removed.mp4"), key("lost/link.mp4"), *map(key, NASTY)]
    answer = export(client, "clips", *items)
    assert answer.headers["content-type"] == "application/zip"
    names = names_of(answer)
    assert names[:2] == ["001 long 1.00-2.50.mp4", "002 run_old 0.00-2.40.mp4"]
    assert len(names) == 2 + len(NASTY) + 1
    left_out = zipfile.ZipFile(BytesIO(answer.content)).read("left out.txt").decode()
    assert left_out.splitlines() == [
        "lost/removed.mp4: removed since it was embedded",
        "lost/link.mp4: lies outside its collection now: not shown",
    ]
    for name in names:
        assert not PurePosixPath(name).is_absolute()
        assert ".." not in PurePosixPath(name).parts
        assert name.isprintable()


def test_what_was_labelled_comes_in_folders(no_labels: Site, client: httpx.Client, shop: Shop) -> None:
    assert client.get("/labels/clips").status_code == 404
    assert client.get("/labels/csv").status_code == 404
    client.put("/api/labels/items", json={"items": [key("walk/0.mp4"), key("walk/1.mp4")], "label": "slow: 1"})
    client.put("/api/labels/items", json={"items": [f"{key('long.mp4')}@0.5-1.5"], "label": "fast"})
    answer = client.get("/labels/clips")
    folder = shop.folder.parent / "clips"
    zipfile.ZipFile(BytesIO(answer.content)).extractall(folder)
    assert [file.id.split("/")[0] for file in find_videos(folder).files] == ["fast", "slow_ 1", "slow_ 1"]
    assert client.get("/labels/csv").content == no_labels.labels.path.read_bytes()


def test_long_videos_are_cut_short_and_told(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unreel.web.exports.LONGEST_PIECE", 2.0)
    archive = zipfile.ZipFile(BytesIO(export(client, "clips", key("long.mp4")).content))
    assert archive.namelist() == ["001 long 0.00-2.00.mp4", "left out.txt"]
    assert archive.read("left out.txt") == b"long.mp4: from 2 s on (clips have at most 2 s)"


def test_too_many_clips_are_skipped(client: httpx.Client) -> None:
    items = [f"{key('long.mp4')}@{number / 100:.2f}-{number / 100 + 1:.2f}" for number in range(501)]
    answer = export(client, "clips", *items)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "got 501 items, expected at most 500 clips at once: select fewer."


def test_nothing_selected_is_told(client: httpx.Client) -> None:
    for form in ("list", "csv", "clips"):
        answer = client.post(f"/export/{form}")
        assert answer.status_code == 400
        assert "got nothing selected, expected at least one video" in answer.text
        assert client.post(f"/export/{form}", data={"pick": key("walk/0.mp4")}).status_code == 200
        assert client.post(f"/export/{form}", data={"picks": f"{key('walk/0.mp4')} {HIT}"}).status_code == 200
