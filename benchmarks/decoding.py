"""How long two random 16-frame clips of a video take to read, with unreel and with others, on one core.

    python benchmarks/decoding.py [FOLDER ...] [--videos 60] [--rounds 7] [--seed 0]

A FOLDER is prepared or not. Without one: Moving Shapes, prepared, and as Xvid AVI files like UCF101's. Every decoder
reads the same frames of the same files on one thread, in turn video by video; CPU time counts, ratios are medians
over the rounds. The floor is libav's decoding alone: the packets that unreel needs, nothing converted or copied.

All pictures are first compared with those of decoding the whole file: a decoder that gives other frames, or none, is
listed with the number of videos concerned. Prints a table, then JSON. Linux only (one core).
"""

import argparse
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module, metadata
from pathlib import Path
from random import Random
from statistics import mean, median
from time import process_time
from typing import Any

import av
import cv2
import decord
import numpy as np
import torch
from av.video.frame import PictureType, VideoFrame
from frames import decode_all
from jaxtyping import UInt8
from rich.console import Console
from rich.table import Table

from unreel.errors import CollectionError, UnreelError, VideoError
from unreel.training.run import versions
from unreel.video.collection.discover import find_videos
from unreel.video.collection.manifest import is_prepared
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.decode import KEY_FRAME_INTERVAL, PyAVReader, open_video
from unreel.video.decoding.yuv import Planes
from unreel.video.moving_shapes.synth import MovingShapes, render_collection

LENGTH = 16
NEAR = 4  # frames that a returned one is compared with, before and after
SAME = 0.5  # levels by which the wanted frame may fit worse than the one that fits best
FAILURES = (UnreelError, RuntimeError, ValueError, IndexError, decord.DECORDError)
UNREEL, FLOOR = "unreel", "libav decode alone"

Lumas = list[UInt8[np.ndarray, "h w"]]


@dataclass(frozen=True)
class Job:
    """Which frames to read of which file."""

    path: Path
    prepared: bool
    starts: tuple[int, int]

    @property
    def indices(self) -> list[int]:
        """The numbers of the frames, clip after clip."""
        return [start + place for start in self.starts for place in range(LENGTH)]


def with_unreel(job: Job) -> list[Planes]:
    """Planes."""
    return PyAVReader(job.prepared).read_clips(job.path, job.starts, LENGTH)


def with_libav(job: Job) -> None:
    """Nothing: the frames are decoded and dropped."""
    with open_video(job.path, job.prepared) as (container, stream):
        frames, position = container.decode(stream), 0
        for start in sorted(job.starts):
            key = start - start % KEY_FRAME_INTERVAL
            if job.prepared and key > position:
                assert stream.time_base is not None and stream.average_rate is not None
                container.seek(round(start / (stream.average_rate * stream.time_base)), stream=stream)
                frames, position = container.decode(stream), key
            while position < start + LENGTH:
                next(frames)
                position += 1


def with_decord(job: Job) -> Any:
    """RGB, (t h w 3)."""
    return decord.VideoReader(str(job.path), num_threads=1).get_batch(job.indices).asnumpy()


def with_torchcodec(job: Job) -> Any:
    """RGB, (t 3 h w)."""
    decoders = import_module("torchcodec.decoders")  # which fails where it finds no FFmpeg libraries
    return decoders.VideoDecoder(str(job.path), num_ffmpeg_threads=1).get_frames_at(job.indices).data


def with_opencv(job: Job) -> list[Any]:
    """BGR, t times (h w 3)."""
    capture, frames = cv2.VideoCapture(str(job.path), cv2.CAP_FFMPEG), []
    for start in job.starts:
        capture.set(cv2.CAP_PROP_POS_FRAMES, start)
        for _ in range(LENGTH):
            read, frame = capture.read()
            if not read:
                raise ValueError("OpenCV gave no frame")
            frames.append(frame)
    capture.release()
    return frames


DECODERS: dict[str, Callable[[Job], Any]] = {
    UNREEL: with_unreel,
    "decord": with_decord,
    "torchcodec": with_torchcodec,
    "OpenCV": with_opencv,
    FLOOR: with_libav,
}


def lumas(name: str, result: Any) -> Lumas:
    """The luma of what a decoder gave, BT.601 in limited range."""
    if name == UNREEL:
        return [luma for clip in result for luma in clip.luma]
    if name == "torchcodec":
        result = result.permute(0, 2, 3, 1).numpy()
    order = "bgr24" if name == "OpenCV" else "rgb24"
    return [_luma(VideoFrame.from_ndarray(np.ascontiguousarray(rgb), order)) for rgb in result]


def _luma(frame: VideoFrame) -> UInt8[np.ndarray, "h w"]:
    planes = frame.reformat(format="yuv420p").to_ndarray()
    return planes[: frame.height]


@dataclass
class Tally:
    """What one decoder did with the videos of one folder: seconds by round and video, and how it failed."""

    seconds: list[dict[Path, float]]
    other_frames: int = 0
    failures: int = 0
    difference: float = 0.0

    @property
    def read(self) -> set[Path]:
        """The videos that it could read."""
        return set.intersection(*(set(each) for each in self.seconds))


def compare(job: Job, whole: Lumas, given: Lumas) -> tuple[bool, float]:
    """Whether all frames are the wanted ones, and how far they are from them: levels of luma, mean absolute."""
    differences = []
    same = len(given) == len(job.indices)
    for index, luma in zip(job.indices, given, strict=False):
        if luma.shape != whole[index].shape:
            return False, float("nan")
        near = range(max(0, index - NEAR), min(len(whole), index + NEAR + 1))
        distances = {other: float(np.abs(whole[other].astype(np.int16) - luma).mean()) for other in near}
        same &= distances[index] <= min(distances.values()) + SAME
        differences.append(distances[index])
    return same, mean(differences)


def verify(jobs: Sequence[Job], tallies: dict[str, Tally]) -> dict[str, list[Job]]:
    """Which videos each decoder can read; the tallies learn how well. Warms everything up, too."""
    readable: dict[str, list[Job]] = {name: [] for name in tallies}
    for job in jobs:
        whole = [_luma(frame) for frame in decode_all(job.path)]
        for name, tally in tallies.items():
            try:
                result = DECODERS[name](job)
            except FAILURES:
                tally.failures += 1
                continue
            readable[name].append(job)
            if result is not None:
                same, difference = compare(job, whole, lumas(name, result))
                tally.other_frames += not same
                tally.difference += difference
    for name, tally in tallies.items():
        tally.difference /= len(readable[name]) or 1
    return readable


def measure(jobs: Sequence[Job], rounds: int) -> dict[str, Tally]:
    """Time all decoders video by video, each beginning in its turn."""
    tallies = {name: Tally([{} for _ in range(rounds)]) for name in DECODERS}
    readable = verify(jobs, tallies)
    names = list(DECODERS)
    for turn in range(rounds):
        for number, job in enumerate(jobs):
            first = (turn + number) % len(names)
            for name in names[first:] + names[:first]:
                if job in readable[name]:
                    started = process_time()
                    DECODERS[name](job)
                    tallies[name].seconds[turn][job.path] = process_time() - started
    return tallies


def figures(tallies: dict[str, Tally]) -> dict[str, dict[str, float]]:
    """Milliseconds per video, which multiple of unreel's time that is (over the videos both read), and what was read.

    `other frames` and `not read` count videos; `luma off` is in levels of 255.
    """
    rows = {}
    for name, tally in tallies.items():
        both = sorted(tally.read & tallies[UNREEL].read)
        ratios = [
            sum(theirs[path] for path in both) / sum(ours[path] for path in both)
            for theirs, ours in zip(tally.seconds, tallies[UNREEL].seconds, strict=True)
            if both
        ]
        rows[name] = {
            "ms": 1000 * median(mean(seconds.values()) for seconds in tally.seconds) if tally.read else float("nan"),
            "× unreel": median(ratios) if ratios else float("nan"),
            "videos": len(tally.read),
            "other frames": tally.other_frames,
            "not read": tally.failures,
            "luma off": tally.difference,
        }
    return rows


def jobs_of(folder: Path, most: int, chance: Random) -> list[Job]:
    """Two random clips of up to `most` videos that are long enough and can be decoded, spread over the folder."""
    prepared = is_prepared(folder)
    paths = sorted(folder.glob("videos/*/*.mp4")) if prepared else [file.path for file in find_videos(folder).files]
    jobs = []
    for path in sorted(chance.sample(paths, min(most, len(paths)))):
        try:
            frames = sum(1 for _ in decode_all(path))
        except VideoError:
            continue  # no decoder is right about what is damaged
        if frames >= LENGTH:
            first, second = (chance.randrange(frames - LENGTH + 1) for _ in range(2))
            jobs.append(Job(path, prepared, (first, second)))
    if not jobs:
        raise CollectionError(f"{folder} holds no video of {LENGTH} frames. Name a folder of longer ones.")
    return jobs


def made_folders(folder: Path, videos: int) -> list[Path]:
    """Moving Shapes, prepared, and as files like UCF101's."""
    shapes = render_collection(folder / "shapes", MovingShapes(videos, side=240, frames=180))
    prepare(shapes, folder / "prepared shapes", PrepareOptions(128))
    (folder / "Xvid shapes").mkdir()
    for number, file in enumerate(find_videos(shapes).files):
        write_xvid(file.path, folder / "Xvid shapes" / f"{number}.avi", b_frames=number % 4 == 0)
    return [folder / "prepared shapes", folder / "Xvid shapes"]


def write_xvid(source: Path, target: Path, b_frames: bool) -> None:
    """MPEG-4 AVI as UCF101 has it: one group of pictures with two B-frames each, or a key frame every 12 and none."""
    options = {"bf": "2", "g": "300"} if b_frames else {"bf": "0", "g": "12"}
    with av.open(str(target), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.codec_tag = "XVID"
        stream.codec_context.thread_count, stream.codec_context.bit_rate = 1, 500_000
        for number, frame in enumerate(decode_all(source)):
            scaled = frame.reformat(320, 240, threads=1)
            scaled.pts, scaled.time_base, scaled.pict_type = number, Fraction(1, 25), PictureType.NONE
            container.mux(stream.encode(scaled))
        container.mux(stream.encode(None))


def show(folder: Path, rows: dict[str, dict[str, float]]) -> None:
    """Print the table of a folder."""
    table = Table(title=f"\n{folder.name}", title_justify="left", box=None)
    columns = list(next(iter(rows.values())))
    table.add_column("decoder", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    for name, row in rows.items():
        cells = [f"{row[column]:.2f}" if isinstance(row[column], float) else str(row[column]) for column in columns]
        table.add_row(name, *cells)
    Console(stderr=True).print(table)


def main(folders: list[Path], videos: int, rounds: int, seed: int) -> None:
    """Measure every folder and print."""
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "threads;1"
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        import_module("torchcodec.decoders")
    except (ImportError, RuntimeError, OSError) as error:
        print(f"torchcodec is not measured: {error}", file=sys.stderr)
        del DECODERS["torchcodec"]
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folders = folders or made_folders(Path(name), videos)
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # after preparing, which has use for all
        for folder in folders:
            results[folder.name] = figures(measure(jobs_of(folder, videos, Random(seed)), rounds))
            show(folder, results[folder.name])
    others = ("av", "decord", "torchcodec", "opencv-python-headless", "numpy")
    facts = versions() | {"command": shlex.join(sys.argv)} | {name: metadata.version(name) for name in others}
    print(json.dumps({"results": results, "rounds": rounds, "clips per video": 2, "frames": LENGTH} | facts, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--videos", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        main(arguments.folders, arguments.videos, arguments.rounds, arguments.seed)
    except UnreelError as error:
        sys.exit(f"{type(error).__name__}: {error}")
