"""How fast videos are read here, where the time goes, and what to change. Everything is measured on the spot.

A pair is the two clips of one video that pretraining takes; rates are in clips per second, seconds are of one core.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from math import ceil
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any, final

import numpy as np
from jaxtyping import Int

from unreel.engine.executor import Executor
from unreel.engine.limits import Limits
from unreel.engine.worker_pool import Lost
from unreel.errors import CollectionError, VideoError
from unreel.rng import generator
from unreel.video.clips.datasets import TrainingDataset
from unreel.video.clips.loading import PART, collate, training_batches
from unreel.video.clips.sampling import TwoClips, runs, two_starts
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.path_lists import collected
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.decode import Clips, PyAVReader, VideoReader, decode, open_video
from unreel.video.decoding.yuv import Colour, Planes

SAMPLE = 24
SAMPLE_TO_PREPARE = 8
LONGEST = 30.0
"""Seconds after which measuring with originals is given up."""

READING = ("opening", "decoding", "copying to planes")
GPU_RATES = (250.0, 500.0, 1000.0, 2000.0, 4000.0)


@dataclass(frozen=True)
class Storage:
    """Seconds to get the bytes of one file, on the mean: from the medium, and from memory."""

    cold: float
    warm: float


@dataclass(frozen=True)
class LoadingProfile:
    """What was found.

    `side` is that of the prepared videos and `needed_side` what the encoder's input asks for, in pixels; `threads` what
    torch computes with; `stages` the seconds per pair of each stage on one core, `augmentation` those for its views;
    `rates` the clips per second by the number of workers; `raw_rate` that of the videos as they are, on one core, where
    they are not prepared yet; sizes are in bytes.
    """

    side: int
    needed_side: int
    cores: int
    threads: int
    stages: dict[str, float]
    rates: dict[int, float]
    augmentation: float
    raw_rate: float | None
    storage: Storage | None
    collection_size: int
    memory_size: int

    @property
    def core_rate(self) -> float:
        """Clips per second of one core."""
        return 2 / sum(self.stages.values())


@dataclass(frozen=True)
class Advice:
    """One thing to change, and how many times as fast reading or training may be then."""

    gain: float
    text: str


def advice(found: LoadingProfile) -> list[Advice]:
    """What to change, the most useful first; nothing where all is well."""
    given = [*_about_files(found), *_about_processes(found)]
    return sorted((each for each in given if each.gain > 1.1), key=lambda each: -each.gain)


def _about_files(found: LoadingProfile) -> list[Advice]:
    given = []
    if found.raw_rate is not None:
        whole = sum(found.stages.values())
        reading = sum(found.stages.get(name, 0.0) for name in READING)
        gain = (2 / found.raw_rate + whole - reading) / whole
        text = (
            f"prepare the folder (unreel prepare FOLDER OUT --side {found.needed_side}): read {gain:.1f} times as fast"
        )
        given.append(Advice(gain, text))
    if found.side > found.needed_side:
        gain = (found.side / found.needed_side) ** 2
        text = f"prepare smaller: frames have {found.side} pixels, this input needs --side {found.needed_side}"
        given.append(Advice(gain, f"{text}: up to {gain:.1f} times as fast"))
    if found.storage is not None:
        seconds = sum(found.stages.values())
        gain = (seconds + found.storage.cold - found.storage.warm) / seconds
        kept = found.collection_size < found.memory_size / 2
        after = " (in the first epoch: then memory holds it all)" if kept else ", as memory cannot hold the collection"
        text = f"copy the prepared folder to a faster disk: waiting for storage makes reading {gain:.1f} times as long"
        given.append(Advice(gain if not kept else min(gain, 1.2), text + after))
    return given


def _about_processes(found: LoadingProfile) -> list[Advice]:
    given = []
    if found.threads > found.cores:
        text = f"set OMP_NUM_THREADS={found.cores}: torch computes with {found.threads} threads on {found.cores} cores"
        given.append(Advice(found.threads / found.cores, f"{text}, which get in each other's way"))
    if found.threads == 1 < found.cores:
        text = f"unset OMP_NUM_THREADS where a CPU trains: torch computes with one thread of {found.cores}"
        given.append(Advice(float(found.cores), text))
    best = max(found.rates, key=lambda workers: found.rates[workers])
    most = max(found.rates)
    if best < most:
        gain = found.rates[best] / found.rates[most]
        text = f"no more than --loader-workers {best}: {most} read only {found.rates[most]:.0f} clips/s"
        given.append(Advice(gain, f"{text}, {best} {found.rates[best]:.0f}"))
    if best and found.rates[best] < best * found.core_rate / 2:
        gain = best * found.core_rate / found.rates[best]
        text = f"end what runs beside this, if something does: {best} workers read {found.rates[best]:.0f} clips/s"
        given.append(Advice(gain, f"{text}, {best} free cores would read {best * found.core_rate:.0f}"))
    return given


def cores_needed(rate: float, core_rate: float) -> int:
    """How many cores read `rate` clips per second."""
    return ceil(rate / core_rate)


def expected_rate(manifest: Manifest, clip_length: int = 16, seconds: float = 1.0) -> float | None:
    """Clips per second of one core, two random ones of a video; 0 where no video is long enough, None if it takes long.

    Of the prepared files, or of the originals where the manifest is that of a scan. Takes these seconds; a file that
    cannot be read is left out.
    """
    records = _long_enough(manifest, clip_length)
    if manifest.side or not records:
        return _rate_of(manifest, records, clip_length, seconds)
    return _elsewhere(_rate_of, manifest, records, clip_length, seconds)


def _elsewhere(measure: Callable[..., float], *arguments: Any) -> float | None:
    """What is measured with originals, in a process that may be ended; None where it was."""
    ((_, found),) = Executor(workers=1, limits=Limits(longest=LONGEST)).run(measure, [arguments])
    return None if isinstance(found, Lost) else found


def _rate_of(manifest: Manifest, records: Sequence[VideoRecord], clip_length: int, seconds: float) -> float:
    chance, reader = generator(0, "throughput"), PyAVReader(prepared=manifest.side > 0)
    order, read, tried, started = chance.permutation(len(records)), 0, 0, perf_counter()
    # round and round a small collection, as the first reading is slower, unless none of it can be read
    while len(order) and (read or tried < len(order)) and perf_counter() - started < seconds:
        record = records[order[tried % len(order)]]
        tried += 1
        with suppress(VideoError):
            reader.read_clips(manifest.file(record), two_starts(record.frames, clip_length, chance), clip_length)
            read += 2
    return read / (perf_counter() - started) if read else 0.0


def sample_prepared(folder: Path, out: Path, side: int) -> Manifest:
    """Some videos of an unprepared folder, those of the most ordinary sizes, prepared in `out`; ids are their paths.

    Raises:
        CollectionError: the folder holds no video that can be used.
    """
    files = sorted((file.path for file in collected(folder).files if file.path.is_file()), key=_size)
    first = max(0, (len(files) - SAMPLE_TO_PREPARE) // 2)
    names = out.with_suffix(".txt")
    names.parent.mkdir(parents=True, exist_ok=True)
    names.write_text("\n".join(str(path.absolute()) for path in files[first : first + SAMPLE_TO_PREPARE]))
    return prepare(names, out, PrepareOptions(side))


def raw_rate(manifest: Manifest, clip_length: int) -> float | None:
    """As `expected_rate`, from the originals of a sample, at their own size (see `sample_prepared`)."""
    return _elsewhere(_rate_of_originals, checked(manifest, clip_length), clip_length)


def _rate_of_originals(records: Sequence[VideoRecord], clip_length: int) -> float:
    return 2 / mean(_seconds_to_read(Path(each.id), each, clip_length, PyAVReader()) for each in records)


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
    """Seconds per pair: opening the file, decoding, copying to planes, collating, transfer from a worker."""
    records, reader = checked(manifest, clip_length), PyAVReader(prepared=True)
    opening, copying, decoding = [], [], []
    for record in records:
        path = manifest.file(record)
        reading = _seconds_to_read(path, record, clip_length, reader)
        opening.append(median(_seconds(_open, path) for _ in range(3)))
        copying.append(2 * _seconds_to_copy(path, clip_length))
        decoding.append(max(0.0, reading - opening[-1] - copying[-1]))
    still = TrainingDataset(manifest, records[:1] * batch_size, TwoClips(clip_length), 0, reader=_Still(records[0]))
    keys = [(0, row) for row in range(min(PART, batch_size))]
    collating = median(_seconds(lambda: collate([still[key] for key in keys])) for _ in range(5)) / len(keys)
    transfer = max(0.0, 2 / rate(still, batch_size, workers=1, seconds=0.5) - collating)
    spent = dict(zip(READING, map(mean, (opening, decoding, copying)), strict=True))
    return {**spent, "collating": collating, "transfer from a worker": transfer}


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


def storage(files: Sequence[Path]) -> Storage | None:
    """How long it takes to get the bytes of a file; None where the system's memory of files cannot be emptied."""
    if not hasattr(os, "posix_fadvise") or not files:
        return None
    cold = []
    for path in files:
        _forget(path)
        cold.append(_seconds(path.read_bytes))
    return Storage(mean(cold), mean(_seconds(path.read_bytes) for path in files))


@final
class _Still:
    """A reader that opens nothing: black clips, at once."""

    def __init__(self, record: VideoRecord) -> None:
        self._width, self._height = record.width, record.height

    def read_frames(self, path: Path, table: Int[np.ndarray, "v t"]) -> list[Planes]:  # noqa: ARG002
        length = table.shape[1]
        luma = np.zeros((length, self._height, self._width), np.uint8)
        chroma = np.zeros((length, 2, (self._height + 1) // 2, (self._width + 1) // 2), np.uint8)
        return [Planes(luma, chroma, Colour())] * len(table)


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    started = perf_counter()
    work(*arguments)
    return perf_counter() - started


def _seconds_to_read(path: Path, record: VideoRecord, clip_length: int, reader: VideoReader) -> float:
    """A pair, once the file is in memory."""
    chance = generator(0, "throughput", record.id)
    pairs = [two_starts(record.frames, clip_length, chance) for _ in range(3)]
    return median(_seconds(reader.read_frames, path, runs(starts, clip_length)) for starts in pairs)


def _seconds_to_copy(path: Path, clip_length: int) -> float:
    """A clip, from decoded frames to planes."""
    clips = Clips(runs([0], clip_length))
    with open_video(path, prepared=True) as (container, stream):
        frames = list(islice(decode(container, stream), clip_length))
        started = perf_counter()
        for index, frame in enumerate(frames):
            clips.take(index, frame)
        return perf_counter() - started


def _open(path: Path) -> None:
    with open_video(path, prepared=True):
        pass


def _forget(path: Path) -> None:
    """Let the system drop the file from its memory."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _long_enough(manifest: Manifest, clip_length: int) -> list[VideoRecord]:
    return [record for record in manifest.usable if record.frames >= clip_length]


def _size(path: Path) -> int:
    return path.stat().st_size
