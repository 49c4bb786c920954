"""Looking through a collection without making anything of it: which files can be used, and why the others cannot.

While it lasts, MANIFEST.unfinished keeps what is known, one line for each file: the same scan goes on from there.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from unreel.engine.files import check_free, writing
from unreel.engine.locks import locked
from unreel.engine.pool import Lost
from unreel.engine.progress import Bar
from unreel.errors import VideoError
from unreel.video.collection import CollectionFile, printable
from unreel.video.decode import decode, open_video
from unreel.video.examine import Examination, Facts, check_file, checksum_of, is_constant
from unreel.video.manifest import Manifest, VideoRecord
from unreel.video.notes import Journal, Note, described, reason_of
from unreel.video.options import ScanOptions


@dataclass(frozen=True)
class Examined:
    """What was found in a file, or the reason why it is of no use."""

    checksum: str = ""
    reason: str = ""
    facts: Facts | None = None


def scan(source: Path, out: Path, options: ScanOptions) -> Manifest:
    """Look at every video of a folder or list and write the manifest `out`, a Parquet file.

    `path` of a usable video is its place below the folder, and `width` and `height` are the video's own.

    Raises:
        CollectionError: `source` holds no video or does not fit the layout.
        OutputError: `out` cannot be written.
        OverwriteError: `out` exists already.
    """
    check_free(out)
    collection = options.collection(source)
    with _journal(out, options.quick) as journal:
        records = sorted(_records(collection.files, journal, options), key=lambda record: record.id)
        manifest = Manifest(
            collection.folder,
            tuple(records),
            printable(source.resolve()),
            ignored=collection.ignored,
            missing=collection.missing,
            missing_splits=collection.missing_splits,
        )
        manifest.write(out)
    return manifest


def examine_file(source: Path, quick: bool) -> Examined:
    """Decode a file wholly, or quickly where that shows no trouble."""
    checksum = ""
    try:
        check_file(source)
        checksum = checksum_of(source)
        return Examined(checksum, facts=(_glance(source) if quick else None) or _examine(source))
    except VideoError as error:
        return Examined(checksum, str(error))


def _examine(source: Path) -> Facts:
    with open_video(source) as (container, stream):
        video = Examination(source, container, stream)
        for _ in video:
            pass
        return video.facts()


def _glance(source: Path) -> Facts | None:
    """As `_examine` from the first, the middle and the last second, or None where these are not enough to be sure.

    The frames are those that the container announces; there is no fingerprint.
    """
    try:
        with open_video(source) as (container, stream):
            video = Examination(source, container, stream)
            times = _times(container, stream)
            constant = is_constant(times, container)
            second = round(1 / (stream.time_base or 1))
            for start in (times[0], times[len(times) // 2], max(times[0], times[-1] - second)):
                _decode_second(container, stream, start, start + second)
            facts = replace(video.facts(), frames=len(times), constant_rate=constant, reason="")
    except (VideoError, av.FFmpegError):
        return None
    return replace(facts, duration=facts.duration or float(len(times) / video.rate))


def _times(container: InputContainer, stream: VideoStream) -> list[int]:
    """When the packets are shown, in order."""
    container.seek(0)
    times = [packet.pts for packet in container.demux(stream) if packet.size]
    known = sorted(time for time in times if time is not None)
    if not known or len(known) < len(times):
        raise VideoError("has packets without a time")
    return known


def _decode_second(container: InputContainer, stream: VideoStream, start: int, end: int) -> None:
    container.seek(start, stream=stream)
    frame = None
    for frame in decode(container, stream):
        if frame.pts is not None and frame.pts >= end:
            return
    if frame is None:
        raise VideoError("has no frame there")


@contextmanager
def _journal(out: Path, quick: bool) -> Iterator[Journal]:
    """What is known from a scan that did not come to its end, kept from other processes meanwhile."""
    path = out.with_name(f"{out.name}{'.quick' if quick else ''}.unfinished")
    with writing(out), locked(path.with_suffix(".lock"), of=out), Journal(path).open() as journal:
        yield journal


def _records(files: Sequence[CollectionFile], journal: Journal, options: ScanOptions) -> Iterator[VideoRecord]:
    """The record of every file, in any order, after the work that is left to do."""
    seconds = options.seconds_per_file
    left: list[tuple[CollectionFile, os.stat_result]] = []
    for file in files:
        try:
            facts = check_file(file.path)
        except VideoError as error:
            yield described(VideoRecord(file.id, "refused", str(error)), file)
            continue
        note = journal.notes.get(file.id)
        if note is not None and note.stands(facts, seconds):
            yield described(note.record, file)
        else:
            left.append((file, facts))
    tasks = [(file.path, options.quick) for file, _ in left]
    with Bar("scanning", len(left)) as bar:
        for number, examined in options.pool().run(examine_file, tasks):
            file, facts = left[number]
            record = _record(file, facts.st_size, examined, seconds)
            journal.add(Note(record, facts.st_size, facts.st_mtime_ns, seconds))
            yield described(record, file)
            bar.advance()


def _record(file: CollectionFile, size: int, examined: Examined | Lost, seconds: float) -> VideoRecord:
    if isinstance(examined, Lost):
        return VideoRecord(file.id, "refused", reason_of(examined, seconds), size=size)
    if examined.facts is None:
        return VideoRecord(file.id, "refused", examined.reason, size=size, checksum=examined.checksum)
    facts = vars(examined.facts)
    return VideoRecord(file.id, "ok", path=file.id, size=size, checksum=examined.checksum, **facts)
