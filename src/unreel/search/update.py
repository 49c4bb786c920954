"""A table brought up to date with a collection: what is new or has changed is embedded, what is gone is removed.

    rows of the table            videos of the collection
    same checksum ────────────── same content               kept; label and place written anew where they changed
    another checksum ─────────── changed                    removed, embedded
                                 new ────────────────────── embedded
    of this source ───────────── gone                       removed; more than a few only where that is said to be right

The rows of a video are written all at once, so that whenever this ends, the same call resumes, to the same table.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unreel.checkpoint import LoadedEncoder
from unreel.engine.progress import ProgressBar
from unreel.errors import CollectionError
from unreel.reading import brief
from unreel.search.checks import ADVICE, check_distinct
from unreel.search.checksums import CHECKED_BYTES
from unreel.search.embedding import ClipEncoder, Embedded, embedded_here, embedded_on_cluster
from unreel.search.feature_files import FeatureFolder, claimed_folder, is_feature_folder
from unreel.search.filters import within
from unreel.search.lance import LanceStore, claimed
from unreel.search.metadata import TableFacts
from unreel.search.rows import (
    COLUMNS,
    ORDER,
    EmbeddingRow,
    first_label,
    labels_of,
    rows_of,
    sorted_places,
    table_of,
    vectors_of,
)
from unreel.search.windows import WindowDataset
from unreel.text import first_of
from unreel.video.clips.sampling import TimeScale
from unreel.video.collection.file_names import printable
from unreel.video.collection.manifest import Manifest, VideoRecord

VIDEOS_AT_ONCE, ROWS_AT_ONCE = 1000, 4096
FEW = 3
"""Videos whose rows are removed, since the videos are gone, without being told to."""
SECONDS_AT_ONCE = 10.0
"""What is lost if the process ends: work that was not yet written."""


@dataclass(frozen=True)
class EmbeddingEngine:
    """Who embeds: `engine` "local" or "ray"; here, on `device`, with `workers` processes that read."""

    engine: str = "local"
    device: str = "cpu"
    workers: int | None = None


@dataclass
class Changes:
    """How many videos were embedded, and kept (and of these described anew).

    `removed` says why rows were removed, `missing` why videos could not be read.
    """

    embedded: int = 0
    kept: int = 0
    described: int = 0
    removed: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def altered(self) -> bool:
        """Whether a row is another than before."""
        return bool(self.embedded or self.described or self.removed)


def update(
    place: Path | str,
    encoder: LoadedEncoder,
    manifest: Manifest,
    facts: TableFacts,
    work: EmbeddingEngine = EmbeddingEngine(),
    *,
    remove_missing: bool = False,
) -> Changes:
    """Make the table, or bring it up to date with the usable videos of a prepared collection.

    A `place` that ends in /*.npy is a folder of features (see `search.feature_files`): the same, in other files.
    Rows of more than `FEW` videos that are gone are removed only where `remove_missing` says so.

    Raises:
        CollectionError: the table holds vectors of another encoder, or videos of the same names from elsewhere, or
            cannot be written, or not one video can be read, or too many are gone.
        OverwriteError: there is something else.
        MissingExtraError: Ray is needed and not installed.
    """
    with _claimed(place, manifest) as store:
        if store.exists:
            store.check()
            held = store.facts()
            held.check_same(facts, store.place)
            if isinstance(store, LanceStore):
                _look_through(store, held)
            facts = replace(facts, sources=held.sources | facts.sources, index=held.index)
        return _Update(store, manifest, encoder, facts, work).run(remove_missing)


def _claimed(place: Path | str, manifest: Manifest) -> AbstractContextManager[LanceStore | FeatureFolder]:
    if is_feature_folder(place):
        return claimed_folder(place, {record.id: record for record in manifest.usable}, source_of(manifest))
    return claimed(place)


def _look_through(store: LanceStore, facts: TableFacts) -> None:
    """Read what is there, of large tables all but the vectors, so that nothing is built on what makes no sense.

    Raises:
        CollectionError: something makes no sense.
    """
    keys = [batch.select(list(ORDER)) for batch in store.batches(list(COLUMNS))]
    if 4 * facts.width * sum(map(len, keys)) <= CHECKED_BYTES:
        for _ in store.batches(["id", "vector"]):
            pass
    if keys:
        table = pa.Table.from_batches(keys)
        check_distinct(table.take(sorted_places(table)), store.place)
        of_kind = [table.filter(pc.equal(table["kind"], kind))["id"].unique() for kind in ("clip", "video")]
        orphans = of_kind[0].filter(pc.invert(pc.is_in(of_kind[0], of_kind[1])))
        if len(orphans):
            raise CollectionError(
                f"{store.place} holds clips of {len(orphans)} videos without the videos' own rows, the first of them "
                f"{brief(orphans[0].as_py())}. {ADVICE}"
            )


@dataclass(frozen=True)
class _Known:
    """What a table holds of a video."""

    checksum: str
    path: str
    labels: str


@final
class _Update:
    """One call of `update`."""

    def __init__(
        self,
        store: LanceStore | FeatureFolder,
        manifest: Manifest,
        encoder: LoadedEncoder,
        facts: TableFacts,
        work: EmbeddingEngine,
    ) -> None:
        self._store, self._encoder, self._facts, self._work = store, encoder, facts, work
        self._manifest, self._source = manifest, source_of(manifest)
        self._records = {record.id: record for record in manifest.usable}

    def run(self, remove_missing: bool) -> Changes:
        held = self._held() if self._store.exists else {}
        gone = self._gone(held, remove_missing)
        kept = {
            identity: known
            for identity, known in held.items()
            if identity in self._records and known.checksum == self._records[identity].checksum
        }
        changes = Changes(kept=len(kept), removed=gone)
        if len(kept) < len(held):
            self._store.remove([identity for identity in held if identity not in kept])
        self._store.begin(self._facts)
        if isinstance(self._store, LanceStore):
            changes.described = self._describe(self._store, kept)
        self._embed([record for identity, record in self._records.items() if identity not in kept], changes)
        if not kept and not changes.embedded:
            raise CollectionError(
                f"none of the {len(self._records)} videos of {self._manifest.root} can be read any more "
                f"({first_of(sorted(set(changes.missing.values())), 1)}): prepare again."
            )
        self._store.finish()
        return changes

    def _gone(self, held: Mapping[str, _Known], remove_missing: bool) -> dict[str, str]:
        """The videos that the table holds but that cannot be used any more, each with the reason.

        Raises:
            CollectionError: they are too many to be removed without being told to.
        """
        skipped = {record.id: f"skipped: {record.reason}" for record in self._manifest.skipped}
        away = f"not in {self._source} any more"
        gone = {identity: skipped.get(identity, away) for identity in held if identity not in self._records}
        if len(gone) > FEW and not remove_missing:
            first, reason = min(gone.items())
            raise CollectionError(
                f"{len(gone)} of the {len(held)} videos that {self._store.place} holds of {self._source} are gone, "
                f"the first of them {first!r} ({reason}). Nothing was changed. If a folder is only away for the "
                "moment, bring it back; to remove their rows, add --remove-missing."
            )
        return gone

    def _held(self) -> dict[str, _Known]:
        """The videos of this source that the table holds.

        Raises:
            CollectionError: it holds videos of the same names from another source.
        """
        known, others = {}, []
        for row in self._store.videos():
            if row["source"] == self._source:
                known[row["id"]] = _Known(row["checksum"], row["path"], row["labels"])
            elif row["id"] in self._records:
                others.append((row["source"], row["id"]))
        if others:
            source, identity = others[0]
            raise CollectionError(
                f"{self._store.place} holds {len(others)} videos of the same names from {source} ({identity!r}, say), "
                f"so those of {self._source} cannot be told from them: name another table."
            )
        return known

    def _describe(self, store: LanceStore, kept: Mapping[str, _Known]) -> int:
        """Write rows anew whose video has other labels, or another place, than when it was embedded."""
        now = {identity: self._known(self._records[identity]) for identity in kept}
        ids = [identity for identity, known in kept.items() if now[identity] != known]
        for first in range(0, len(ids), VIDEOS_AT_ONCE):
            some = ids[first : first + VIDEOS_AT_ONCE]
            rows = pa.Table.from_batches(store.batches([*COLUMNS, "vector"], within("id", some)))
            labels = {identity: json.loads(now[identity].labels) for identity in some}
            anew = [
                replace(row, path=now[row.id].path, labels=labels[row.id], label=first_label(labels[row.id]))
                for row in rows_of(rows)
            ]
            store.remove(some)
            store.append(table_of(anew, vectors_of(rows)))
        return len(ids)

    def _known(self, record: VideoRecord) -> _Known:
        return _Known(record.checksum, printable(self._manifest.original(record)), labels_of(record.labels))

    def _embed(self, records: Sequence[VideoRecord], changes: Changes) -> None:
        """Embed videos, and write them now and then."""
        encoder = self._facts.settings
        dataset = WindowDataset(
            self._manifest, records, encoder.clip_length, self._facts.clips, scale=TimeScale.of(encoder)
        )
        waiting: list[pa.Table] = []
        written = monotonic()
        with ProgressBar(f"embedding ({self._encoder.name})", len(records)) as bar:
            for found in self._embedded(dataset):
                bar.advance()
                if found.reason:
                    changes.missing[records[found.row].id] = found.reason
                    continue
                waiting.append(self._rows(dataset, found))
                changes.embedded += 1
                if sum(map(len, waiting)) >= ROWS_AT_ONCE or monotonic() - written > SECONDS_AT_ONCE:
                    self._store.append(pa.concat_tables(waiting))
                    waiting, written = [], monotonic()
        if waiting:
            self._store.append(pa.concat_tables(waiting))

    def _embedded(self, dataset: WindowDataset) -> Iterator[Embedded]:
        if self._work.engine == "ray":
            return embedded_on_cluster(self._encoder, self._facts.level, dataset)
        encoder = ClipEncoder(self._encoder, self._facts.level, self._work.device)
        return embedded_here(encoder, dataset, self._work.workers)

    def _rows(self, dataset: WindowDataset, found: Embedded) -> pa.Table:
        """The rows of a video: its own, whose vector is the mean of its clips', and theirs."""
        record = dataset.records[found.row]
        known = self._known(record)
        video = EmbeddingRow(
            id=record.id,
            kind="video",
            path=known.path,
            source=self._source,
            start=record.start if record.piece_of else 0.0,
            end=record.duration,
            label=first_label(record.labels),
            labels=record.labels,
            size=record.size,
            checksum=record.checksum,
            encoder=self._encoder.name,
            checkpoint=self._encoder.checkpoint,
            level=str(self._facts.level),
        )
        spans = dataset.layout(found.row).spans
        clips = [replace(video, kind="clip", start=start, end=end) for start, end in spans]
        return table_of([video, *clips], np.vstack([dataset.mean(found.row, found.vectors), found.vectors]))


def source_of(manifest: Manifest) -> str:
    """The folder or list that a manifest's videos come from, as tables name it."""
    return manifest.source or str(manifest.root.resolve())
