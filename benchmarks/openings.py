"""Does memory stay flat over very many openings of videos in one process?

    python benchmarks/openings.py [FOLDER ...] [--openings 100000] [--out openings] [--seed 0]

Each opening reads two random 16-frame clips and closes: mostly of prepared videos (of the FOLDERs, which are prepared;
without one, Moving Shapes), every tenth of a source in another codec and container, decoded from its beginning, every
hundredth of a damaged file. Prints the growth of resident memory per 1,000 openings, by a straight line through the
samples after the first tenth, and writes OUT.csv and OUT.png. Linux only (/proc).
"""

import argparse
import csv
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random

import av
import matplotlib
import numpy as np
import torch
from av.video.frame import PictureType
from frames import decode_all
from matplotlib import pyplot
from rich.console import Console
from rich.progress import track

from unreel.errors import CollectionError, UnreelError, VideoError
from unreel.training.run import versions
from unreel.video.collection.discover import find_videos
from unreel.video.collection.manifest import is_prepared
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.decode import PyAVReader
from unreel.video.moving_shapes.synth import MovingShapes, render_collection

LENGTH, SIDE = 16, 128
SAMPLES = 500
WARM_UP = 0.1  # of the openings: the allocator and the page cache fill
SOURCES = {  # file name: encoder, pixel format and options
    "b-frames.mp4": ("libx264", "yuv420p", {"bf": "3", "x264-params": "open-gop=1"}),
    "444.mkv": ("libx264", "yuv444p", {}),
    "hevc.mkv": ("libx265", "yuv420p", {"x265-params": "log-level=none:pools=none:frame-threads=1"}),
    "xvid.avi": ("mpeg4", "yuv420p", {"bf": "2"}),
    "mpeg2.ts": ("mpeg2video", "yuv420p", {"bf": "2"}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {"deadline": "realtime"}),
    "motion-jpeg.avi": ("mjpeg", "yuvj420p", {}),
    "rgb.avi": ("png", "rgb24", {}),
}


@dataclass(frozen=True)
class File:
    """What can be opened; `frames` is how many there are or, of a damaged file, should be."""

    path: Path
    frames: int
    prepared: bool = False

    def read(self, chance: Random) -> bool:
        """Read two clips; whether there was no error."""
        starts = [chance.randrange(self.frames - LENGTH + 1) for _ in range(2)]
        try:
            PyAVReader(self.prepared).read_clips(self.path, starts, LENGTH)
        except VideoError:
            return False
        return True


@dataclass(frozen=True)
class Files:
    """All files, by kind."""

    prepared: list[File]
    sources: list[File]
    damaged: list[File]

    def number(self, opening: int) -> File:
        """The file of an opening: all of a kind in turn."""
        if opening % 100 == 99:
            return self.damaged[opening // 100 % len(self.damaged)]
        if opening % 10 == 4:
            return self.sources[opening // 10 % len(self.sources)]
        return self.prepared[opening % len(self.prepared)]


def prepared_files(folder: Path) -> Iterator[File]:
    """The prepared videos of a folder that are long enough."""
    if not is_prepared(folder):
        raise CollectionError(f"{folder} is no prepared folder. Prepare it: unreel prepare {folder} OUT")
    for path in sorted(folder.glob("videos/*/*.mp4")):
        frames = sum(1 for _ in decode_all(path))
        if frames >= LENGTH:
            yield File(path, frames, prepared=True)


def source_files(video: Path, out: Path) -> Iterator[File]:
    """One video in several codecs and containers."""
    frames = list(decode_all(video))
    for name, (codec, pixels, options) in SOURCES.items():
        with av.open(str(out / name), "w") as container:
            stream = container.add_stream(codec, rate=25, options=options)
            stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, pixels
            stream.codec_context.thread_count = 1
            for number, frame in enumerate(frames):
                converted = frame.reformat(format=pixels, threads=1)
                converted.pts, converted.time_base = number, Fraction(1, 25)
                converted.pict_type = PictureType.NONE
                container.mux(stream.encode(converted))
            container.mux(stream.encode(None))
        yield File(out / name, len(frames))


def damaged_files(files: Sequence[File], out: Path, chance: Random) -> Iterator[File]:
    """Each file cut off, with bytes overwritten, and without its beginning; a text and an empty file."""
    for number, file in enumerate(files):
        content = file.path.read_bytes()
        harmed = bytearray(content)
        for _ in range(max(8, len(content) // 500)):
            harmed[chance.randrange(len(content))] = chance.randrange(256)
        for kind, damaged in {
            "cut": content[: len(content) // 2],
            "harmed": bytes(harmed),
            "headless": content[999:],
        }.items():
            path = out / f"{kind} {number}{file.path.suffix}"
            path.write_bytes(damaged)
            yield File(path, file.frames, file.prepared)
    for name, text in {"text.mp4": b"no video", "empty.mp4": b""}.items():
        (out / name).write_bytes(text)
        yield File(out / name, LENGTH)


def gather(folders: Sequence[Path], work: Path, chance: Random) -> Files:
    """All files, made where there are none."""
    shapes = render_collection(work / "shapes", MovingShapes(24, side=SIDE))
    if not folders:
        prepare(shapes, work / "prepared", PrepareOptions(SIDE))
        folders = [work / "prepared"]
    prepared = [file for folder in folders for file in prepared_files(folder)]
    (work / "others").mkdir()
    sources = list(source_files(find_videos(shapes).files[0].path, work / "others"))
    return Files(prepared, sources, list(damaged_files([*prepared[:4], *sources], work / "others", chance)))


def resident() -> float:
    """Resident memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def open_all(files: Files, openings: int, chance: Random) -> tuple[list[tuple[int, float]], int]:
    """(openings done, MB) again and again, and how many openings were skipped."""
    samples, skipped = [], 0
    every = max(1, openings // SAMPLES)
    for opening in track(range(openings), "Opening", console=Console(stderr=True), transient=True):
        if opening % every == 0:
            samples.append((opening, resident()))
        skipped += not files.number(opening).read(chance)
    return [*samples, (openings, resident())], skipped


def growth(samples: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """KB per 1,000 openings and the standard error of it, after the warm-up."""
    kept = np.array([sample for sample in samples if sample[0] >= WARM_UP * samples[-1][0]])
    (slope, _), covariance = np.polyfit(kept[:, 0], kept[:, 1], 1, cov=True)
    return float(slope) * 1e6, float(np.sqrt(covariance[0, 0])) * 1e6


def write(out: Path, samples: Sequence[tuple[int, float]], title: str) -> None:
    """The samples as a table and as a figure."""
    with out.with_suffix(".csv").open("w", newline="") as file:
        csv.writer(file).writerows([("openings", "resident MB"), *samples])
    matplotlib.use("Agg")
    figure, axes = pyplot.subplots(figsize=(7, 3.5), layout="constrained")
    axes.plot(*zip(*samples, strict=True), linewidth=1)
    axes.axvspan(0, WARM_UP * samples[-1][0], color="0.92", label="warm-up")
    axes.set(xlabel="openings", ylabel="resident memory, MB", ylim=(0, 1.1 * max(size for _, size in samples)))
    axes.set(xlim=(0, samples[-1][0]), title=title)
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(out.with_suffix(".png"), dpi=150)


def main(folders: list[Path], openings: int, out: Path, seed: int) -> None:
    """Open, fit, write, print."""
    torch.set_num_threads(1)
    chance = Random(seed)
    with tempfile.TemporaryDirectory() as name:
        files = gather(folders, Path(name), chance)
        samples, skipped = open_all(files, openings, chance)
    slope, error = growth(samples)
    write(out, samples, f"{openings:,} openings: {slope:+.1f} ± {error:.1f} KB per 1,000")
    figures = {
        "openings": openings,
        "skipped": skipped,
        "KB per 1,000 openings": round(slope, 2),
        "standard error": round(error, 2),
        "resident MB at the end": round(samples[-1][1], 1),
        "prepared files": len(files.prepared),
        "sources": [file.path.name for file in files.sources],
        "damaged files": len(files.damaged),
    }
    print(json.dumps(figures | versions() | {"command": shlex.join(sys.argv)}, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--openings", type=int, default=100_000)
    parser.add_argument("--out", type=Path, default=Path("openings"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        main(arguments.folders, arguments.openings, arguments.out, arguments.seed)
    except UnreelError as error:
        sys.exit(f"{type(error).__name__}: {error}")
