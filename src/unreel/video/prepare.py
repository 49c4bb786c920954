"""Preparing a collection: every usable video made small and fast to read, every other file refused with a reason.

    OUT/
    ├── prepared.json         what this folder is; written first
    ├── manifest.parquet      one row per file; written last
    └── videos/3f/
        ├── 3f….mp4           a prepared video
        └── 3f….json          what became of its file, and in which state that was

A second run does only what is new or has changed. A file that hangs or crashes its decoder harms no other: decoding is
done by processes that may end.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, TimeoutError, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from multiprocessing import current_process, get_context
from pathlib import Path
from typing import get_args

from filelock import FileLock
from pebble import ProcessExpired, ProcessPool

from unreel.engine.processors import cores
from unreel.engine.progress import Bar
from unreel.errors import CollectionError, SettingsError, VideoError
from unreel.video.collection import PREPARED_MARK, CollectionFile, find_videos, groups_of, printable
from unreel.video.layouts import LayoutName, arranged
from unreel.video.manifest import Manifest, VideoRecord, is_prepared
from unreel.video.transcode import Outcome, check_file, prepare_file, unfinished_name

FORMAT = "unreel-prepared-1"
LOWEST_SIDE = 16

_LOCK_NAME = "prepared.lock"
_TIMED_OUT = "timed out after"
_GUARD = 'A script must prepare under: if __name__ == "__main__":'


@dataclass(frozen=True)
class PrepareOptions:
    """How to prepare: `side` is the shorter side of the prepared videos in pixels, `workers` the number of processes.

    `layout` names a data set with official lists, and `lists` the folder of these (see `arranged`).

    Raises:
        SettingsError: a number that makes no sense.
    """

    side: int = 128
    group_pattern: str | None = None
    workers: int | None = None
    seconds_per_file: float = 120.0
    layout: str = "folder"
    lists: Path | None = None

    def __post_init__(self) -> None:
        if self.layout not in get_args(LayoutName):
            raise SettingsError(f"layout is {self.layout!r}, expected one of: {', '.join(get_args(LayoutName))}.")
        if self.lists is not None and self.layout == "folder":
            raise SettingsError(
                f"lists is {self.lists}, but the layout 'folder' has none. Name the layout of the lists."
            )
        if self.side < LOWEST_SIDE or self.side % 2:
            raise SettingsError(f"side is {self.side}, expected an even number of at least {LOWEST_SIDE} pixels.")
        if self.workers is not None and self.workers < 1:
            raise SettingsError(f"workers is {self.workers}, expected at least 1.")
        if not self.seconds_per_file > 0:
            raise SettingsError(f"seconds per file is {self.seconds_per_file}, expected more than 0.")


def prepare(folder: Path, out: Path, options: PrepareOptions) -> Manifest:
    """Prepare the videos of `folder` into `out`, or bring `out` up to date with them.

    Must be called under `if __name__ == "__main__":` in a script, like all that starts processes.

    Raises:
        CollectionError: `folder` holds no usable video or does not fit the layout, or `out` is something else or
            cannot be written.
    """
    if getattr(current_process(), "_inheriting", False):  # the test of multiprocessing itself, before we lock anything
        raise CollectionError(f"a process that decodes must not prepare. {_GUARD}")
    found = find_videos(folder, group_pattern=options.group_pattern)
    collection = arranged(found, options.layout, options.lists)
    with _claimed(out, options.side):
        records = sorted(_records(collection.files, out, options), key=lambda record: record.id)
        source = printable(folder.resolve())
        manifest = Manifest(out, tuple(records), source, options.side, collection.ignored, collection.missing)
        manifest.write()
    if not manifest.usable:
        reasons = ", ".join(f"{count} × {reason}" for reason, count in manifest.refusals.most_common())
        raise CollectionError(f"{folder} holds no usable video: {reasons}. The list is in {out}.")
    return manifest


def prepared(folder: Path, options: PrepareOptions) -> Manifest:
    """The manifest of `folder` if it is prepared, otherwise of its copy prepared in the cache.

    A prepared folder keeps its side and its layout; the cached copy is brought up to date each time.

    Raises:
        CollectionError: as `prepare` does, or a prepared folder's videos do not fit the group pattern.
    """
    if not is_prepared(folder):
        return prepare(folder, cache_folder(folder, options.side), options)
    manifest = Manifest.read(folder)
    if options.group_pattern is None:
        return manifest
    groups = groups_of([record.id for record in manifest], options.group_pattern)
    return replace(manifest, records=tuple(replace(record, group=groups[record.id]) for record in manifest))


def cache_folder(folder: Path, side: int) -> Path:
    """Where `prepared` keeps the prepared videos of a folder: below $UNREEL_CACHE or the user's cache."""
    own = os.environ.get("UNREEL_CACHE")
    root = Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unreel"
    place = folder.resolve()
    digest = hashlib.sha256(os.fsencode(place)).hexdigest()[:12]
    return root / "prepared" / f"{place.name}-{digest}-{side}"


@dataclass(frozen=True)
class _Note:
    """What became of a file that had this size and time of change when it was given these seconds."""

    record: VideoRecord
    size: int
    mtime_ns: int
    seconds: float

    @classmethod
    def read(cls, path: Path) -> "_Note | None":
        """The note, or None where there is none that was written to its end."""
        try:
            content = json.loads(path.read_text())
            facts = content["record"]
            facts["fingerprint"] = bytes.fromhex(facts["fingerprint"])
            return cls(**(content | {"record": VideoRecord(**facts)}))
        except (OSError, ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True)
class _Job:
    """One file to look at: its state, where its prepared video goes, and the note from before if it still stands."""

    file: CollectionFile
    out: Path
    path: str
    size: int
    mtime_ns: int
    note: _Note | None

    @classmethod
    def of(cls, file: CollectionFile, out: Path) -> "_Job":
        """What there is to do for a file.

        Raises:
            VideoError: the file need not be opened to be refused.
        """
        facts = check_file(file.path)
        name = hashlib.sha256(file.id.encode()).hexdigest()[:20]
        target = out / "videos" / name[:2] / f"{name}.mp4"
        note = _Note.read(target.with_suffix(".json"))
        if note is not None and note.record.status == "ok" and not target.exists():
            note = None
        return cls(file, out, target.relative_to(out).as_posix(), facts.st_size, facts.st_mtime_ns, note)

    @property
    def target(self) -> Path:
        return self.out / self.path

    @property
    def known_checksum(self) -> str:
        """Of the content for which the work is done; empty if it is not."""
        return self.note.record.checksum if self.note is not None else ""

    def known(self, options: PrepareOptions) -> VideoRecord | None:
        """The record, if the file is as it was and has not been given more time since."""
        note = self.note
        if note is None or (note.size, note.mtime_ns) != (self.size, self.mtime_ns):
            return None
        if note.record.reason.startswith(_TIMED_OUT) and note.seconds < options.seconds_per_file:
            return None
        return _described(note.record, self.file)

    def settle(self, outcome: Outcome, options: PrepareOptions) -> VideoRecord:
        """The record of the file now that it was tried; notes it for the next run."""
        if outcome.transcoded is not None:
            facts = asdict(outcome.transcoded)
            record = VideoRecord(self.file.id, "ok", path=self.path, size=self.size, checksum=outcome.checksum, **facts)
        elif outcome.reason:
            record = VideoRecord(self.file.id, "refused", outcome.reason, size=self.size, checksum=outcome.checksum)
            self.target.unlink(missing_ok=True)
            unfinished_name(self.target).unlink(missing_ok=True)
        else:
            assert self.note is not None
            record = self.note.record
        note = _Note(record, self.size, self.mtime_ns, options.seconds_per_file)
        self.target.with_suffix(".json").write_text(json.dumps(asdict(note), default=bytes.hex))
        return _described(record, self.file)


def _described(record: VideoRecord, file: CollectionFile) -> VideoRecord:
    """The record with the labels, the group and the splits of today."""
    return replace(record, labels=file.labels, group=file.group, splits=file.splits)


def _records(files: Sequence[CollectionFile], out: Path, options: PrepareOptions) -> Iterator[VideoRecord]:
    """The record of every file, in any order, after the work that is left to do."""
    jobs: list[_Job] = []
    for file in files:
        try:
            job = _Job.of(file, out)
        except VideoError as error:
            yield _described(VideoRecord(file.id, "refused", str(error)), file)
            continue
        record = job.known(options)
        if record is not None:
            yield record
        else:
            jobs.append(job)
    if not jobs:
        return
    with Bar("preparing", len(jobs)) as bar, _processes(min(options.workers or cores(), len(jobs))) as pool:
        futures = {_schedule(pool, job, options): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future].settle(_outcome(future, options), options)
            bar.advance()


def _schedule(pool: ProcessPool, job: _Job, options: PrepareOptions) -> Future[Outcome]:
    job.target.parent.mkdir(parents=True, exist_ok=True)
    arguments = (job.file.path, job.target, options.side, job.known_checksum)
    future: Future[Outcome] = pool.schedule(prepare_file, arguments, timeout=options.seconds_per_file)
    return future


def _outcome(future: Future[Outcome], options: PrepareOptions) -> Outcome:
    """What the process found, or what became of the process."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, TimeoutError):
        return Outcome(reason=f"{_TIMED_OUT} {options.seconds_per_file:g} s")
    if isinstance(error, ProcessExpired):
        return Outcome(reason="decoder crashed")
    if isinstance(error, BrokenProcessPool):
        raise CollectionError(
            f"the processes that decode have ended before their work. Run this again to go on. {_GUARD}"
        ) from error
    if isinstance(error, (CollectionError, OSError)):
        raise error
    return Outcome(reason=f"decoder failed: {type(error).__name__}")  # a file that PyAV itself stumbles over


@contextmanager
def _processes(count: int) -> Iterator[ProcessPool]:
    """A pool of fresh processes (a fork of one that computes can hang), stopped at the end even in mid-file."""
    pool = ProcessPool(count, context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


@contextmanager
def _claimed(out: Path, side: int) -> Iterator[None]:
    """`out` made ours if it is new or empty, and kept from other processes meanwhile."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        content = {path.name for path in out.iterdir()} - {_LOCK_NAME}
        if content and PREPARED_MARK not in content:
            raise CollectionError(f"{out} is not empty and holds no prepared videos. Name a new folder.")
        with FileLock(out / _LOCK_NAME):
            _sign(out / PREPARED_MARK, side)
            yield
    except OSError as error:
        raise CollectionError(f"{out} cannot be written: {error.strerror or error}. Name another folder.") from error


def _sign(mark: Path, side: int) -> None:
    """Say in `out` what it is, or see that it is the same already."""
    own = {"format": FORMAT, "side": side}
    if not mark.exists():
        mark.write_text(json.dumps(own))
    try:
        found = json.loads(mark.read_text())
    except ValueError:
        found = None
    if found != own:
        raise CollectionError(
            f"{mark.parent} was prepared as {found}, expected {own}. Name a new folder, or the side of this one."
        )
