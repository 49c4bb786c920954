"""Preparing a collection: every usable video made small and fast to read, every other file skipped with a reason.

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
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from unreel.engine.files import UNFINISHED, is_unfinished, why, write_whole
from unreel.engine.limits import Limits
from unreel.engine.locks import locked
from unreel.engine.progress import ProgressBar
from unreel.engine.worker_pool import Lost
from unreel.errors import CollectionError, OutputError, VideoError
from unreel.reading import FileSchema, read_json, read_text
from unreel.video.collection.discover import PREPARED_MARK, Collection, CollectionFile, groups_of
from unreel.video.collection.duplicates import duplicates, marked
from unreel.video.collection.file_names import printable
from unreel.video.collection.journal import Note, described, reason_of
from unreel.video.collection.labelling import AUTO, relabelled
from unreel.video.collection.manifest import Manifest, VideoRecord, is_prepared
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.probe import check_file
from unreel.video.collection.transcode import PreparedFile, prepare_file

FORMAT = "unreel-prepared-4"

_LOCK_NAME = "prepared.lock"


def prepare(source: Path, out: Path, options: PrepareOptions) -> Manifest:
    """Prepare the videos of a folder or list into `out`, or bring `out` up to date with them.

    Where nothing is left to do nothing is written, so that `out` may lie where it cannot be.

    Raises:
        CollectionError: `source` holds no usable video or does not fit the layout, or `out` is something else.
        OutputError: `out` cannot be written.
    """
    collection = options.collection(source)
    known, jobs = _known(collection.files, out, options)
    manifest = None if jobs else _finished(_manifest(known, source, out, collection, options), options.unique)
    if manifest is None:
        left = f"{len(jobs)} of {len(collection.files)} videos are" if jobs else "its table is"
        with _claimed(out, options.side, f"{left} to be made there"):
            _sweep(out)
            try:
                known, jobs = _known(collection.files, out, options)  # another process may have prepared some meanwhile
                records = [*known, *_made(jobs, options)]
            finally:
                _sweep(out)
            manifest = _manifest(records, source, out, collection, options)
            manifest = marked(manifest, duplicates(manifest).kept, options.unique)
            manifest.write()
    manifest.check_usable(out)
    return manifest


def _manifest(
    records: Sequence[VideoRecord], source: Path, out: Path, collection: Collection, options: PrepareOptions
) -> Manifest:
    manifest = Manifest(
        out,
        tuple(sorted(records, key=lambda record: record.id)),
        printable(source.resolve()),
        options.side,
        sum(collection.ignored.values()),
        collection.missing,
        collection.missing_splits,
        dict(collection.ignored),
        collection.labelled,
    )
    return relabelled(manifest, options.labels)


def _finished(manifest: Manifest, unique: bool) -> Manifest | None:
    """The manifest as its folder has it, if that was prepared so already, to the last file."""
    out = manifest.root
    try:
        found = Manifest.read(out)
    except CollectionError:
        return None
    same = marked(manifest, {each.id: each.duplicate_of for each in found}, unique) == found
    return found if same and _signature(out / PREPARED_MARK) == _own_signature(manifest.side) else None


def prepared(folder: Path, options: PrepareOptions) -> Manifest:
    """The manifest of `folder` if it is prepared, otherwise of its copy prepared in the cache.

    A prepared folder keeps its side and its layout; the cached copy is brought up to date each time, and has the labels
    that are found by themselves, whatever others ask for.

    Raises:
        CollectionError: as `prepare` does, or a prepared folder's videos do not fit the group pattern, or another
            version prepared them.
    """
    if not is_prepared(folder):
        made = prepare(folder, cache_folder(folder, options.side), replace(options, labels=AUTO))
        return relabelled(made, options.labels)
    found = _signature(folder / PREPARED_MARK).get("format")
    if found != FORMAT:
        raise CollectionError(
            f"{folder} has the format {found!r}, expected {FORMAT!r}: another version of unreel prepared it. Prepare "
            "the videos again, into a new folder."
        )
    manifest = relabelled(Manifest.read(folder), options.labels)
    if options.group_pattern is None:
        return manifest
    groups = groups_of([record.id for record in manifest], options.group_pattern)
    return replace(manifest, records=tuple(replace(record, group=groups[record.id]) for record in manifest))


def cache_folder(folder: Path, side: int) -> Path:
    """Where `prepared` keeps the prepared videos of a folder."""
    place = folder.resolve()
    digest = hashlib.sha256(os.fsencode(place) + FORMAT.encode()).hexdigest()[:12]
    return cache_root() / "prepared" / f"{place.name}-{digest}-{side}"


def cache_root() -> Path:
    """Where all is kept that can be made again: $UNREEL_CACHE, or unreel's part of the user's cache."""
    own = os.environ.get("UNREEL_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unreel"


@dataclass(frozen=True)
class _Job:
    """One file to look at: its state, where its prepared video goes, and the note from before if it still stands."""

    file: CollectionFile
    out: Path
    path: str
    facts: os.stat_result
    note: Note | None

    @classmethod
    def of(cls, file: CollectionFile, out: Path) -> "_Job":
        """What there is to do for a file.

        Raises:
            VideoError: the file need not be opened to be skipped.
        """
        facts = check_file(file.path)
        name = hashlib.sha256(file.id.encode()).hexdigest()[:20]
        target = out / "videos" / name[:2] / f"{name}.mp4"
        return cls(file, out, target.relative_to(out).as_posix(), facts, _note(target))

    @property
    def target(self) -> Path:
        return self.out / self.path

    def arguments(self, side: int) -> tuple[Path, Path, int, str]:
        """What `prepare_file` needs to know; the checksum is that of the content for which the work is done."""
        self.target.parent.mkdir(parents=True, exist_ok=True)
        return self.file.path, self.target, side, self.note.record.checksum if self.note is not None else ""

    def settle(self, outcome: PreparedFile | Lost, limits: Limits) -> VideoRecord:
        """The record of the file now that it was tried; notes it for the next run."""
        size, prepared_size = self.facts.st_size, 0
        if isinstance(outcome, Lost):
            outcome = PreparedFile(reason=reason_of(outcome, limits))
        made = outcome.transcoded
        if made is not None:
            facts = vars(made.source)
            record = VideoRecord(self.file.id, "ok", path=self.path, size=size, checksum=outcome.checksum, **facts)
            prepared_size = made.size
        elif outcome.reason:
            record = VideoRecord(self.file.id, "skipped", outcome.reason, size=size, checksum=outcome.checksum)
            self.target.unlink(missing_ok=True)
        else:
            assert self.note is not None
            record, prepared_size = self.note.record, self.note.prepared_size
        note = Note(record, size, self.facts.st_mtime_ns, limits.seconds, limits.memory, prepared_size)
        self.target.with_suffix(".json").write_text(note.line(), encoding="utf-8")
        return described(record, self.file, self.facts)


def _note(target: Path) -> Note | None:
    """What is known of a file, if its prepared file is as it was left."""
    try:
        note = Note.parse(read_text(target.with_suffix(".json"), FileSchema(CollectionError, "It is written again.")))
        if note is not None and note.record.status == "ok" and target.stat().st_size != note.prepared_size:
            return None
    except (CollectionError, OSError):
        return None
    return note


def _known(files: Sequence[CollectionFile], out: Path, options: PrepareOptions) -> tuple[list[VideoRecord], list[_Job]]:
    """The records of the files of which all is known, and what is to be done for the others."""
    records: list[VideoRecord] = []
    jobs: list[_Job] = []
    for file in files:
        try:
            job = _Job.of(file, out)
        except VideoError as error:
            records.append(described(VideoRecord(file.id, "skipped", str(error)), file))
            continue
        if job.note is not None and job.note.stands(job.facts, options.limits):
            records.append(described(job.note.record, file, job.facts))
        else:
            jobs.append(job)
    return records, jobs


def _made(jobs: Sequence[_Job], options: PrepareOptions) -> Iterator[VideoRecord]:
    """The records of the other files, as they get ready."""
    with ProgressBar("preparing", len(jobs)) as bar:
        for number, outcome in options.pool().run(prepare_file, [job.arguments(options.side) for job in jobs]):
            yield jobs[number].settle(outcome, options.limits)
            bar.advance()


@contextmanager
def _claimed(out: Path, side: int, left: str) -> Iterator[None]:
    """`out` made ours if it is new or empty, and kept from other processes meanwhile; `left` is what to write there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        content = {path.name for path in out.iterdir() if not is_unfinished(path)} - {_LOCK_NAME}
        if content and PREPARED_MARK not in content:
            raise CollectionError(f"{out} is not empty and holds no prepared videos. Name a new folder.")
        with locked(out / _LOCK_NAME, of=out):
            _sign(out / PREPARED_MARK, side)
            yield
    except (OSError, OutputError) as error:
        if isinstance(error, OutputError) and not isinstance(error.__cause__, OSError):
            raise  # the process of a video has told all there is
        place = " (for the cache: UNREEL_CACHE)" if out.is_relative_to(cache_root()) else ""
        raise OutputError(f"{out} cannot be written: {why(error)}, and {left}. Name another folder{place}.") from error


def _sign(mark: Path, side: int) -> None:
    """Say in `out` what it is, or see that it is the same already."""
    own = _own_signature(side)
    if not mark.exists():
        write_whole(mark, json.dumps(own))
    found = _signature(mark)
    if found != own:
        raise CollectionError(
            f"{mark.parent} was prepared as {found}, expected {own}. Name a new folder, or the side of this one."
        )


def _own_signature(side: int) -> dict[str, object]:
    return {"format": FORMAT, "side": side}


def _signature(mark: Path) -> dict[str, object]:
    """What a folder says that it is; nothing where it says nothing that makes sense."""
    try:
        return read_json(mark, dict, FileSchema(CollectionError, "Prepare the videos again."))
    except CollectionError:
        return {}


def _sweep(out: Path) -> None:
    """Remove what processes that were killed have left."""
    for path in out.glob(f"videos/*/*{UNFINISHED}"):
        shutil.rmtree(path, ignore_errors=True)
