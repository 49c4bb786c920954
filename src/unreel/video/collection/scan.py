"""Looking through a collection without making anything of it: which files can be used, and why the others cannot.

While it lasts, MANIFEST.unfinished keeps what is known, one line for each file: the same scan resumes from there.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np

from unreel.engine.files import check_free, writing
from unreel.engine.limits import Limits
from unreel.engine.locks import locked
from unreel.engine.progress import ProgressBar
from unreel.engine.worker_pool import Lost
from unreel.errors import VideoError
from unreel.video.collection.discover import Collection, CollectionFile
from unreel.video.collection.duplicates import duplicates, marked
from unreel.video.collection.file_names import printable
from unreel.video.collection.journal import Journal, Note, described, reason_of
from unreel.video.collection.labelling import relabelled
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.manifest_tables import check_suffix, write_manifest
from unreel.video.collection.options import ScanOptions
from unreel.video.collection.prepare import cache_root
from unreel.video.collection.probe import Examination, ProbeResult, check_file, checksum_of
from unreel.video.decoding.decode import open_video
from unreel.video.decoding.timestamps import TOLERANCE, Times, measure, packet_times, played

_CACHED = "unreel-scan-1"


@dataclass(frozen=True)
class Examined:
    """What was found in a file, or the reason why it is of no use."""

    checksum: str = ""
    reason: str = ""
    facts: ProbeResult | None = None


def scan(source: Path, out: Path, options: ScanOptions) -> Manifest:
    """Look at every video of a folder or list and write the manifest `out` (see `collection.manifest_tables`).

    `path` of a usable video is its place below the folder, and `width` and `height` are the video's own.

    Raises:
        CollectionError: `source` holds no usable video or does not fit the layout.
        OutputError: `out` cannot be written.
        OverwriteError: `out` exists already.
        SettingsError: its suffix is none of a manifest.
    """
    check_suffix(out)
    check_free(out)
    collection = options.collection(source)
    with _journal(out, options.quick) as journal:
        manifest = _manifest(collection, source, journal, options)
        write_manifest(manifest, out)
    manifest.check_usable(out)
    return manifest


def scanned(source: Path, options: ScanOptions) -> Manifest:
    """The manifest of a folder or list; what is known of its files stays in the cache, for the next time.

    Raises:
        CollectionError: `source` holds no usable video or does not fit the layout.
        OutputError: the cache cannot be written.
    """
    collection = options.collection(source)
    digest = hashlib.sha256(os.fsencode(source.resolve()) + _CACHED.encode()).hexdigest()[:12]
    path = cache_root() / "scans" / f"{digest}{'.quick' if options.quick else ''}.jsonl"
    with writing(path), locked(path.with_suffix(".lock")), Journal(path).open(keep=True) as journal:
        manifest = _manifest(collection, source, journal, options)
    manifest.check_usable()
    return manifest


def _manifest(collection: Collection, source: Path, journal: Journal, options: ScanOptions) -> Manifest:
    records = sorted(_records(collection.files, journal, options), key=lambda record: record.id)
    manifest = Manifest(
        collection.folder,
        tuple(records),
        printable(source.resolve()),
        ignored=sum(collection.ignored.values()),
        missing=collection.missing,
        missing_splits=collection.missing_splits,
        ignored_kinds=dict(collection.ignored),
        labelled=collection.labelled,
    )
    return relabelled(marked(manifest, duplicates(manifest).kept), options.labels)


def examine_file(source: Path, quick: bool) -> Examined:
    """Decode a file wholly, or quickly where that shows no trouble."""
    checksum = ""
    try:
        check_file(source)
        checksum = checksum_of(source)
        return Examined(checksum, facts=(_glance(source) if quick else None) or _examine(source))
    except VideoError as error:
        return Examined(checksum, str(error))


def _examine(source: Path) -> ProbeResult:
    rate = measure(source).rate
    with open_video(source) as (container, stream):
        video = Examination(container, stream)
        for _ in video:
            pass
        return video.facts(rate)


def _glance(source: Path) -> ProbeResult | None:
    """As `_examine` from the first, the middle and the last second, or None where these are not enough to be sure.

    The frames are the file's packets, each of which must be one; there is no fingerprint.
    """
    try:
        rate = measure(source).rate
        with open_video(source) as (container, stream):
            times = packet_times(container, stream)
            for at in (times.starts[0], times.starts[len(times.starts) // 2], times.end - 1):
                _decode_second(source, max(times.starts[0], at), times)
        with open_video(source) as (container, stream):
            return Examination(container, stream).facts(rate, times)
    except VideoError:
        return None


def _decode_second(source: Path, at: float, times: Times) -> None:
    """See that a second of the video gives the frames that its packets tell of.

    Raises:
        VideoError: it does not.
    """
    with played(source, at) as film:
        found = [each.start for each in takewhile(lambda each: each.start < at + 1, film.frames) if each.start >= at]
    expected = times.starts[(times.starts >= at) & (times.starts < at + 1)]
    if len(found) != len(expected) or not np.allclose(found, expected, rtol=0, atol=TOLERANCE):
        raise VideoError("gives other frames than its packets tell of")


@contextmanager
def _journal(out: Path, quick: bool) -> Iterator[Journal]:
    """What is known from a scan that did not come to its end, kept from other processes meanwhile."""
    path = out.with_name(f"{out.name}{'.quick' if quick else ''}.unfinished")
    with writing(out), locked(path.with_suffix(".lock"), of=out), Journal(path).open() as journal:
        yield journal


def _records(files: Sequence[CollectionFile], journal: Journal, options: ScanOptions) -> Iterator[VideoRecord]:
    """The record of every file, in any order, after the work that is left to do."""
    limits = options.limits
    left: list[tuple[CollectionFile, os.stat_result]] = []
    for file in files:
        try:
            facts = check_file(file.path)
        except VideoError as error:
            yield described(VideoRecord(file.id, "skipped", str(error)), file)
            continue
        note = journal.notes.get(file.id)
        if note is not None and note.stands(facts, limits):
            yield described(note.record, file, facts)
        else:
            left.append((file, facts))
    tasks = [(file.path, options.quick) for file, _ in left]
    with ProgressBar("scanning", len(left)) as bar:
        for number, examined in options.pool().run(examine_file, tasks):
            file, facts = left[number]
            record = _record(file, facts.st_size, examined, limits)
            journal.add(Note(record, facts.st_size, facts.st_mtime_ns, limits.seconds, limits.memory))
            yield described(record, file, facts)
            bar.advance()


def _record(file: CollectionFile, size: int, examined: Examined | Lost, limits: Limits) -> VideoRecord:
    if isinstance(examined, Lost):
        return VideoRecord(file.id, "skipped", reason_of(examined, limits), size=size)
    if examined.facts is None:
        return VideoRecord(file.id, "skipped", examined.reason, size=size, checksum=examined.checksum)
    facts = vars(examined.facts)
    return VideoRecord(file.id, "ok", path=file.id, size=size, checksum=examined.checksum, **facts)
