"""How fast videos are read here, where the time goes, and what to change. Everything is measured on the spot.

A pair is the two clips of one video that pretraining takes; rates are in clips per second, seconds are of one core.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from pathlib import Path
from statistics import mean, median
from time import perf_counter

from unreel.engine.executor import Executor
from unreel.engine.limits import Limits
from unreel.engine.worker_pool import Lost
from unreel.errors import CollectionError, VideoError
from unreel.rng import generator
from unreel.video.clips.datasets import TrainingDataset
from unreel.video.clips.loading import training_batches
from unreel.video.clips.sampling import TwoClips, runs, two_starts
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.path_lists import collected
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.decode import PyAVReader

SAMPLE = 24
SAMPLE_TO_PREPARE = 8
LONGEST = 30.0
"""Seconds after which measuring with originals is given up."""
DECODING, HANDING_OVER = "opening and decoding", "collating and handing over"


@dataclass(frozen=True)
class LoadingProfile:
    """What was found.

    `side` is that of the prepared videos and `needed_side` what the encoder's input asks for, in pixels; `stages` the
    seconds per pair of each stage on one core; `rates` the clips per second by the number of workers; `raw_rate` that
    of the videos as they are, on one core, where they are not prepared yet; `storage` the seconds that a file takes
    longer from the medium than from memory, None where that cannot be told.
    """

    side: int
    needed_side: int
    stages: dict[str, float]
    rates: dict[int, float]
    raw_rate: float | None
    storage: float | None

    @property
    def core_rate(self) -> float:
        """Clips per second of one core."""
        return 2 / sum(self.stages.values())

    def cores_needed(self, rate: float) -> int:
        """How many cores read `rate` clips per second."""
        return ceil(rate / self.core_rate)


@dataclass(frozen=True)
class Advice:
    """One thing to change, and how many times as fast reading or training may be then."""

    gain: float
    text: str


def advice(found: LoadingProfile) -> list[Advice]:
    """What to change, the most useful first; nothing where all is well."""
    given, seconds, rates = [], 2 / found.core_rate, found.rates
    if found.raw_rate:
        gain = (2 / found.raw_rate + found.stages[HANDING_OVER]) / seconds
        text = f"prepare the folder (unreel prepare FOLDER OUT --side {found.needed_side})"
        given.append(Advice(gain, f"{text}: read {gain:.1f} times as fast"))
    if found.side > found.needed_side:
        gain = (found.side / found.needed_side) ** 2
        text = f"prepare smaller: frames have {found.side} pixels, this input needs --side {found.needed_side}"
        given.append(Advice(gain, f"{text}: up to {gain:.1f} times as fast"))
    if found.storage is not None:
        gain = (seconds + found.storage) / seconds
        text = f"copy the prepared folder to a faster disk: waiting for storage makes reading {gain:.1f} times as long"
        given.append(Advice(gain, f"{text}, unless memory holds the collection after the first epoch"))
    best, most = max(rates, key=lambda workers: rates[workers]), max(rates)
    if best < most:
        text = f"no more than --loader-workers {best}: {most} read only {rates[most]:.0f} clips/s, {best}"
        given.append(Advice(rates[best] / rates[most], f"{text} {rates[best]:.0f}"))
    return sorted((each for each in given if each.gain > 1.1), key=lambda each: -each.gain)


def expected_rate(manifest: Manifest, clip_length: int = 16, seconds: float = 1.0) -> float | None:
    """Clips per second of one core, two random ones of a video; 0 where no video is long enough, None if it takes long.

    Of the prepared files, or of the originals where the manifest is that of a scan. Takes these seconds; a file that
    cannot be read is left out.
    """
    records = _long_enough(manifest, clip_length)
    if manifest.side or not records:
        return _rate_of(manifest, records, clip_length, seconds)
    limited = Executor(workers=1, limits=Limits(longest=LONGEST))  # originals are read in a process that may be ended
    ((_, found),) = limited.run(_rate_of, [(manifest, records, clip_length, seconds)])
    return None if isinstance(found, Lost) else found


def _rate_of(manifest: Manifest, records: Sequence[VideoRecord], clip_length: int, seconds: float) -> float:
    chance, reader = generator(0, "throughput"), PyAVReader(prepared=manifest.side > 0)
    order, read, tried, started = chance.permutation(len(records)), 0, 0, perf_counter()
    # round and round a small collection, as the first reading is slower, unless none of it can be read
    while len(order) and (read or tried < len(order)) and perf_counter() - started < seconds:
        record = records[order[tried % len(order)]]
        tried += 1
        with suppress(VideoError):
            reader.read_frames(manifest.file(record), runs(two_starts(record.frames, clip_length, chance), clip_length))
            read += 2
    return read / (perf_counter() - started) if read else 0.0


def sample_prepared(folder: Path, out: Path, side: int) -> Manifest:
    """Some videos of an unprepared folder, those of the most ordinary sizes, prepared in `out`; ids are their paths.

    Raises:
        CollectionError: the folder holds no video that can be used.
    """
    files = sorted(
        (file.path for file in collected(folder).files if file.path.is_file()), key=lambda path: path.stat().st_size
    )
    first = max(0, (len(files) - SAMPLE_TO_PREPARE) // 2)
    names = out.with_suffix(".txt")
    names.parent.mkdir(parents=True, exist_ok=True)
    names.write_text("\n".join(str(path.absolute()) for path in files[first : first + SAMPLE_TO_PREPARE]))
    return prepare(names, out, PrepareOptions(side))


def raw_rate(sample: Manifest, clip_length: int) -> float | None:
    """As `expected_rate`, from the originals of a sample, at their own size (see `sample_prepared`)."""
    records = tuple(replace(record, path=record.id) for record in sample)
    return expected_rate(replace(sample, root=Path(), records=records, side=0), clip_length)


def checked(manifest: Manifest, clip_length: int) -> list[VideoRecord]:
    """Videos to measure with, spread over the collection.

    Raises:
        CollectionError: none is as long as a clip.
    """
    records = _long_enough(manifest, clip_length)
    if not records:
        raise CollectionError(
            f"{manifest.source or manifest.root} holds {len(manifest.usable)} usable videos, none of at least "
            f"{clip_length} frames. Add longer ones or choose a smaller --clip-length."
        )
    return records[:: ceil(len(records) / SAMPLE)]


def stages(manifest: Manifest, clip_length: int, batch_size: int) -> dict[str, float]:
    """Seconds per pair: reading it from its file, once that is in memory, and handing it over from a worker."""
    reader, decoding = PyAVReader(prepared=True), []
    for record in checked(manifest, clip_length):
        pairs = [two_starts(record.frames, clip_length, generator(0, "profile", record.id, k)) for k in range(3)]
        read = partial(reader.read_frames, manifest.file(record))
        decoding.append(median(_seconds(read, runs(starts, clip_length)) for starts in pairs))
    whole = 2 / rate(repeated(manifest, clip_length, batch_size), batch_size, workers=1, seconds=1.0)
    return {DECODING: mean(decoding), HANDING_OVER: max(0.0, whole - mean(decoding))}


def repeated(manifest: Manifest, clip_length: int, batch_size: int) -> TrainingDataset:
    """Videos to measure with, each as often as it takes to fill a batch."""
    records = checked(manifest, clip_length)
    return TrainingDataset(manifest, records * ceil(batch_size / len(records)), TwoClips(clip_length), 0)


def rate(dataset: TrainingDataset, batch_size: int, workers: int, seconds: float) -> float:
    """Clips per second of so many workers, once they are at work."""
    # as beside a GPU, where workers do not wait for a free CPU
    loaded = training_batches(dataset, batch_size, 0, workers=workers, device="mps")
    with closing(loaded) as batches:
        next(batches)
        beginning = perf_counter()
        while perf_counter() - beginning < seconds / 4:  # what had piled up meanwhile
            next(batches)
        started, clips = perf_counter(), 0
        while clips == 0 or perf_counter() - started < seconds:
            clips += 2 * len(next(batches))
        return clips / (perf_counter() - started)


def storage(files: Sequence[Path]) -> float | None:
    """Seconds that the bytes of a file take longer from the medium; None where the system cannot be made to forget."""
    if not hasattr(os, "posix_fadvise") or not files:
        return None
    waiting = []
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        waiting.append(_seconds(path.read_bytes) - _seconds(path.read_bytes))
    return max(0.0, mean(waiting))


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    started = perf_counter()
    work(*arguments)
    return perf_counter() - started


def _long_enough(manifest: Manifest, clip_length: int) -> list[VideoRecord]:
    return [record for record in manifest.usable if record.frames >= clip_length]
