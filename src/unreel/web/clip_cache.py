"""Thumbnails and pieces of videos: cut once, by processes with limits, and kept in the user's cache.

CACHE/web/
└── 3f/3f….webp, 3f….mp4     named by file, size, time of change and what was cut; the oldest go when there are many
"""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any, final

from unreel.engine.files import whole
from unreel.engine.worker_pool import Lost, WorkerPool
from unreel.errors import VideoError
from unreel.video.collection.journal import reason_of
from unreel.web.clip_worker import cut_pictures, cut_piece, film_times, strip_times
from unreel.web.source_files import Original

VERSION = "2"  # of what is cut: another one cuts all anew
MOST_BYTES = 2 << 30
SECONDS_FAILED = 600.0
"""What could not be cut is not tried again for so long: it may have been the machine's fault."""

_FAILURES_KEPT = 10_000
_CUTS_BETWEEN_SWEEPS = 200


@final
class Cuts:
    """Cuts from originals into `folder`; `pictures` and `pieces` are the processes for each, with their seconds."""

    def __init__(self, folder: Path, pictures: WorkerPool, pieces: WorkerPool, most: int = MOST_BYTES) -> None:
        self._folder, self._pictures, self._pieces, self._most = folder, pictures, pieces, most
        self._running: dict[str, asyncio.Task[Path]] = {}
        self._failures: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._made = 0

    async def strip(self, original: Original, start: float, end: float, duration: float) -> Path:
        """A picture that moves: 1.2 s from around the middle of a piece.

        Raises:
            VideoError: it cannot be cut; the message is a short reason.
        """
        return await self._strip(original, strip_times(start, end, duration))

    async def filmstrip(self, original: Original, duration: float) -> Path:
        """Pictures from the whole of a video, equally far apart.

        Raises:
            VideoError: it cannot be cut; the message is a short reason.
        """
        return await self._strip(original, film_times(duration))

    async def piece(self, original: Original, start: float, end: float) -> Path:
        """A short video that every browser plays.

        Raises:
            VideoError: it cannot be cut; the message is a short reason.
        """

        async def cut(source: Path, target: Path) -> None:
            done = await asyncio.wrap_future(self._pieces.submit(cut_piece, source, start, end, target))
            if isinstance(done, Lost):
                raise VideoError(reason_of(done, self._pieces.limits))

        return await self._kept(original, f"piece {start:.3f} {end:.3f}", ".mp4", cut)

    async def _strip(self, original: Original, times: list[float]) -> Path:
        times = [round(time, 3) for time in times]

        async def cut(source: Path, target: Path) -> None:
            image = await asyncio.wrap_future(self._pictures.submit(cut_pictures, source, times))
            if isinstance(image, Lost):
                raise VideoError(reason_of(image, self._pictures.limits))
            target.write_bytes(image)

        return await self._kept(original, f"strip {times}", ".webp", cut)

    async def _kept(
        self, original: Original, what: str, suffix: str, cut: Callable[[Path, Path], Coroutine[Any, Any, None]]
    ) -> Path:
        """The file of a cut: from before, or made now, once for all who wait for it."""
        if original.path is None:
            raise VideoError(original.reason)
        told = f"{VERSION} {original.version} {what} ".encode() + os.fsencode(original.path)
        name = sha256(told).hexdigest()[:32]
        since, reason = self._failures.get(name, (-SECONDS_FAILED, ""))
        if monotonic() - since < SECONDS_FAILED:
            raise VideoError(reason)
        target = self._folder / name[:2] / (name + suffix)
        with suppress(FileNotFoundError):
            os.utime(target)  # those used last are kept
            return target
        if name not in self._running:
            self._running[name] = asyncio.create_task(self._make(name, original.path, target, cut))
        return await asyncio.shield(self._running[name])

    async def _make(
        self, name: str, source: Path, target: Path, cut: Callable[[Path, Path], Coroutine[Any, Any, None]]
    ) -> Path:
        try:
            with whole(target) as unfinished:
                await cut(source, unfinished)
        except VideoError as error:
            self._failures[name] = monotonic(), str(error)
            if len(self._failures) > _FAILURES_KEPT:
                self._failures.popitem(last=False)
            raise
        finally:
            del self._running[name]
        self._made += 1
        if self._made % _CUTS_BETWEEN_SWEEPS == 0:
            await asyncio.to_thread(sweep, self._folder, self._most)
        return target


def sweep(folder: Path, most: int) -> int:
    """Remove the files that were not used for longest until the others have at most `most` bytes; bytes removed."""
    files: list[tuple[float, int, Path]] = []
    for path in folder.glob("*/[!.]*"):
        try:
            facts = path.stat()
        except OSError:
            continue  # another server's sweep was faster
        files.append((facts.st_mtime, facts.st_size, path))
    total, removed = sum(size for _, size, _ in files), 0
    for _, size, path in sorted(files):
        if total - removed <= most:
            break
        path.unlink(missing_ok=True)
        removed += size
    return removed
