"""Videos that people send to find others like them: decoded by processes with limits, and soon forgotten.

CACHE/uploads/
├── 8a….lock                       held as long as the server lives; without it the folder was left behind
└── 8a…/3f…/
    ├── original                   what was sent: opened by such processes only
    └── view.mp4, filmstrip.webp   to look at
"""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final, final

from unreel.engine.files import why
from unreel.engine.locks import is_locked, locked
from unreel.engine.worker_pool import Lost, WorkerPool
from unreel.errors import OutputError, SettingsError, VideoError
from unreel.text import excerpt
from unreel.video.collection.journal import reason_of
from unreel.web.clip_worker import look_at_upload

KEY: Final = "^[0-9a-f]{32}$"
SECONDS_KEPT: Final = 1800.0
MOST_KEPT: Final = 30
LONGEST: Final = 600.0
"""Seconds of a video."""


@dataclass(frozen=True)
class Upload:
    """A video that was sent, `seconds` long, at the time `since`; its files are in `folder`."""

    key: str
    name: str
    folder: Path
    seconds: float
    since: float

    @property
    def view(self) -> Path:
        """The file to look at."""
        return self.folder / "view.mp4"

    @property
    def filmstrip(self) -> Path:
        """Pictures from the whole of it."""
        return self.folder / "filmstrip.webp"

    @property
    def original(self) -> Path:
        """What was sent."""
        return self.folder / "original"


@final
class Uploads:
    """The videos that were sent, kept in `folder` for half an hour or until there are 30 newer ones.

    `largest` is the most bytes of one.
    """

    def __init__(self, folder: Path, pool: WorkerPool, largest: int) -> None:
        self.folder, self._pool, self.largest = folder, pool, largest
        self._kept: dict[str, Upload] = {}

    async def take(self, name: str, content: AsyncIterator[bytes]) -> Upload:
        """Keep a video.

        Raises:
            SettingsError: it is larger than it may be.
            VideoError: it cannot be used; the message is a short reason.
        """
        self._forget()
        key = secrets.token_hex(16)
        folder = self.folder / key
        folder.mkdir(parents=True)
        try:
            upload = await self._looked_at(key, name, folder, content)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._kept[key] = upload
        return upload

    def get(self, key: str) -> Upload:
        """A video that was sent.

        Raises:
            VideoError: there is none of that key (any more).
        """
        self._forget()
        if key not in self._kept:
            raise VideoError("This video is not kept any more: send it again.")
        return self._kept[key]

    def remove(self, key: str) -> None:
        """Forget a video, whether it is there or not."""
        upload = self._kept.pop(key, None)
        if upload is not None:
            shutil.rmtree(upload.folder, ignore_errors=True)

    async def _looked_at(self, key: str, name: str, folder: Path, content: AsyncIterator[bytes]) -> Upload:
        sent, got = folder / "original", 0
        with sent.open("wb") as file:
            async for part in content:
                got += len(part)
                if got > self.largest:
                    raise SettingsError(f"got more than {self.largest} bytes, expected a smaller video: cut it first.")
                await asyncio.to_thread(file.write, part)
        seconds = await asyncio.wrap_future(self._pool.submit(look_at_upload, sent, folder, LONGEST))
        if isinstance(seconds, Lost):
            raise VideoError(reason_of(seconds, self._pool.limits))
        return Upload(key, excerpt(name.replace("\\", "/").rsplit("/", 1)[-1], 120), folder, seconds, monotonic())

    def _forget(self) -> None:
        """Remove what has been here for long, and the oldest where there are many."""
        now = monotonic()
        old = [key for key, upload in self._kept.items() if now - upload.since > SECONDS_KEPT]
        for key in [*old, *list(self._kept)[: max(0, len(self._kept) - MOST_KEPT + 1)]]:
            self.remove(key)


@contextmanager
def own_folder(root: Path) -> Iterator[Path]:
    """A folder below `root` for this process alone, removed at its end; those left behind by dead ones go now.

    Raises:
        SettingsError: it cannot be written.
    """
    folder = root / secrets.token_hex(16)
    busy = SettingsError(f"another unreel holds {root / 'lock'}: end it first.")
    with ExitStack() as stack:
        try:
            with locked(root / "lock", busy, of=root):
                for lock in root.glob("*.lock"):
                    if not is_locked(lock):  # its server does not live any more
                        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                        lock.unlink(missing_ok=True)
                stack.enter_context(locked(folder.with_suffix(".lock"), of=root))
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
                folder.mkdir(0o700)
        except (OSError, OutputError) as error:
            raise SettingsError(
                f"{root} cannot be written: {why(error)}. Videos that are sent are kept there: name a place for all "
                "that unreel keeps with UNREEL_CACHE."
            ) from error
        yield folder
