"""Cut once for all who ask, kept, swept; what cannot be cut is not tried again and again."""

import asyncio
import os
import resource
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest
from clips import Clip
from misbehave import hang
from starlette.requests import Request
from web_fixtures import Shop, awaited, key

from unreel.engine.files import is_unfinished
from unreel.engine.limits import Limits
from unreel.engine.worker_pool import WorkerPool
from unreel.errors import OutputError, VideoError
from unreel.web import clip_cache as module
from unreel.web.app import _unreel_error
from unreel.web.clip_cache import Cuts, sweep
from unreel.web.source_files import Original


def original(path: Path) -> Original:
    """The file as it is."""
    facts = path.stat()
    return Original("same", path, facts.st_size, facts.st_mtime_ns)


def test_a_cut_is_made_once_for_all_who_ask_and_anew_for_another_file(tmp_path: Path) -> None:
    video = Clip(frames=40).write(tmp_path / "a.mp4")

    async def ask(cuts: Cuts) -> list[Path]:
        first = await asyncio.gather(*(cuts.strip(original(video), 0.0, 1.6, 1.6) for _ in range(20)))
        Clip(frames=41).write(video)
        return [*first, await cuts.strip(original(video), 0.0, 1.6, 1.6)]

    with WorkerPool(1, Limits(30.0)) as pool:
        *same, other = awaited(ask(Cuts(tmp_path / "cache", pool, pool)))
    assert len(set(same)) == 1
    assert other not in same
    assert sorted(path for path in (tmp_path / "cache").rglob("*") if path.is_file()) == sorted({*same, other})


def test_what_hangs_is_stopped_and_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = Clip().write(tmp_path / "a.mp4")
    monkeypatch.setattr(module, "cut_pictures", hang)

    async def ask(cuts: Cuts) -> None:
        for _ in range(3):
            with pytest.raises(VideoError, match=r"^no progress for 0\.5 s"):
                await cuts.strip(original(video), 0.0, 1.0, 1.0)

    with WorkerPool(1, Limits(0.5)) as pool:
        begun = awaited(_timed(ask(Cuts(tmp_path / "cache", pool, pool))))
    assert begun < 5


async def _timed(work: Coroutine[Any, Any, None]) -> float:
    begun = asyncio.get_running_loop().time()
    await work
    return asyncio.get_running_loop().time() - begun


def test_the_files_that_were_not_used_for_longest_are_swept(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / f"{number}" / f"{number}.webp"
        path.parent.mkdir()
        path.write_bytes(bytes(100))
        os.utime(path, (1000 + number, 1000 + number))
    (tmp_path / "0" / ".new.webp.3f5a.unfinished").mkdir()  # somebody writes there
    assert sweep(tmp_path, 250) == 300
    assert sorted(path.name for path in tmp_path.glob("*/[!.]*")) == ["3.webp", "4.webp"]
    assert sweep(tmp_path, 250) == 0


def test_a_full_disk_is_the_servers_trouble(tmp_path: Path) -> None:
    video, request = Clip().write(tmp_path / "a.mp4"), Request({"type": "http", "path": "/api/videos", "headers": []})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with WorkerPool(1, Limits(30.0)) as pool:
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))
        try:
            with pytest.raises(OutputError, match=r"\.webp cannot be written: File too large") as caught:
                awaited(Cuts(tmp_path / "cache", pool, pool).strip(original(video), 0.0, 1.0, 1.0))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file() or is_unfinished(path)]
    assert awaited(_unreel_error(request, caught.value)).status_code == 507


def test_thumbnails_pieces_and_files_are_served(client: httpx.Client) -> None:
    video = f"/api/videos/{key('run/old.avi')}"
    for what, kind in (("strip", "image/webp"), ("filmstrip", "image/webp"), ("piece", "video/mp4")):
        answer = client.get(f"{video}/{what}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    whole = client.get(f"{video}/piece").content
    part = client.get(f"{video}/piece", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    assert len(client.get(f"{video}/piece?start=0.5&end=1").content) < len(whole)
    assert client.get(f"{video}/piece", headers={"range": "bytes=99999999-"}).status_code == 416


def test_files_that_browsers_may_play_are_served_as_they_are(client: httpx.Client, shop: Shop) -> None:
    answer = client.get(f"/api/videos/{key('long.mp4')}/original", headers={"range": "bytes=0-"})
    assert (answer.status_code, answer.headers["content-type"]) == (206, "video/mp4")
    assert answer.content == (shop.folder / "long.mp4").read_bytes()
    skipped = client.get(f"/api/videos/{key('run/old.avi')}/original")
    assert (skipped.status_code, skipped.json()) == (
        404,
        {"detail": "No browser plays this kind of file: ask for a piece."},
    )


def test_browsers_are_given_a_picture_that_says_there_is_none(client: httpx.Client) -> None:
    answer = client.get(f"/api/videos/{key('lost/removed.mp4')}/strip", headers={"accept": "image/webp,*/*"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "image/svg+xml")
    assert "no picture" in answer.text
