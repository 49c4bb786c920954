"""Which layout of a prepared file is read fastest, and what it costs in bytes and in quality.

    python benchmarks/layouts.py [FOLDER ...] [--videos 60] [--rounds 5] [--side 128] [--seed 0]

The videos of the FOLDERs (without one, Moving Shapes) are scaled as `unreel prepare` scales them and written in every
layout: H.264 with key frame intervals of 1 to 250, with and without fast decoding, at three qualities; MPEG-4 part 2;
MJPEG; raw planes. Then two random 16-frame clips of each video are read on one core, in turn layout by layout, from
files that the operating system holds in memory; CPU time counts. PSNR is of the luma, against the scaled source.
Prints Markdown. Linux only (one core).
"""

import argparse
import os
import shlex
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from random import Random
from statistics import mean, median
from time import process_time
from unittest.mock import patch

import av
import numpy as np
import torch
from av.video.frame import PictureType, VideoFrame
from jaxtyping import UInt8
from rich.console import Console
from rich.progress import track

from unreel.errors import UnreelError, VideoError
from unreel.training.run import versions
from unreel.video.collection.discover import find_videos
from unreel.video.collection.probe import Examination
from unreel.video.decoding import decode
from unreel.video.decoding.convert import plane_views
from unreel.video.decoding.timestamps import measure
from unreel.video.moving_shapes.synth import MovingShapes, render_collection

LENGTH = 16
PRESENT = decode.KEY_FRAME_INTERVAL
INTERVALS = 1, 4, 8, 12, 16, 32, 250
BT601, LIMITED_RANGE, FULL_RANGE = 6, 1, 2

Luma = UInt8[np.ndarray, "t h w"]


@dataclass(frozen=True, eq=False)
class Layout:
    """One way to store a video: a codec with options and a key frame interval; no codec is raw planes."""

    name: str
    codec: str = ""
    interval: int = 1
    options: dict[str, str] = field(default_factory=dict)

    def write(self, frames: Sequence[VideoFrame], rate: Fraction, path: Path) -> None:
        """Store yuv420p frames of BT.601 in limited range."""
        if not self.codec:
            np.save(path, np.stack([frame.to_ndarray() for frame in frames]))
            return
        full = self.codec == "mjpeg"
        with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream(self.codec, rate=rate, options=self.options)
            stream.width, stream.height = frames[0].width, frames[0].height
            stream.pix_fmt = "yuvj420p" if full else "yuv420p"
            stream.codec_context.time_base, stream.codec_context.thread_count = 1 / rate, 1
            stream.codec_context.colorspace = BT601
            stream.codec_context.color_range = FULL_RANGE if full else LIMITED_RANGE
            for number, frame in enumerate(frames):
                stored = frame.reformat(format="yuvj420p", dst_color_range=FULL_RANGE, threads=1) if full else frame
                stored.pts, stored.time_base, stored.pict_type = number, 1 / rate, PictureType.NONE
                container.mux(stream.encode(stored))
            container.mux(stream.encode(None))

    def read(self, path: Path, starts: Sequence[int], length: int) -> list[Luma]:
        """The luma of clips, chroma read as well, with the reader of prepared files."""
        if not self.codec:
            planes = np.load(path, mmap_mode="r")
            height = planes.shape[1] * 2 // 3
            clips = [np.array(planes[start : start + length]) for start in starts]
            return [clip[:, :height] for clip in clips]
        with patch.object(decode, "KEY_FRAME_INTERVAL", self.interval):
            return [clip.luma for clip in decode.PyAVReader(prepared=True).read_clips(path, starts, length)]


def layouts() -> Iterator[Layout]:
    """All rows of the table."""
    for fast, crf in ((True, 18), (True, 20), (True, 23), (False, 18)):
        for interval in INTERVALS:
            params = f"keyint={interval}:min-keyint={interval}:scenecut=0:bframes=0:mbtree=0"
            options = {"preset": "veryfast", "crf": str(crf), "x264-params": params}
            tuned = {"tune": "fastdecode"} if fast else {}
            name = f"H.264 {'fastdecode ' if fast else ''}crf {crf}, key {interval}"
            yield Layout(name, "libx264", interval, options | tuned)
    for quantizer in (2, 4):
        fixed = {"qmin": str(quantizer), "qmax": str(quantizer)}
        for interval in (8, 12):
            yield Layout(f"MPEG-4 q {quantizer}, key {interval}", "mpeg4", interval, fixed | {"g": str(interval)})
        yield Layout(f"MJPEG q {quantizer}", "mjpeg", 1, fixed)
    yield Layout("raw planes (.npy)")


@dataclass(frozen=True)
class Video:
    """A video in all layouts, and which clips to read of it."""

    folder: Path
    starts: tuple[int, int]
    seconds: float

    def file(self, row: int) -> Path:
        """Where layout number `row` is."""
        return self.folder / f"{row}.npy"  # a suffix that numpy does not lengthen; libav is told the format


@dataclass
class Row:
    """What was measured of one layout."""

    bytes: list[int] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def scaled(source: Path, side: int) -> tuple[list[VideoFrame], Fraction]:
    """The frames of a video as they would be encoded, and their rate."""
    with decode.open_video(source) as (container, stream):
        video = Examination(container, stream, side)
        return [_copied(video.framing.orientation.turn_frame(frame)) for frame in video], measure(source).rate


def _copied(frame: VideoFrame) -> VideoFrame:
    return VideoFrame.from_ndarray(frame.to_ndarray(), "yuv420p")  # a decoder has few pictures to lend


def store(sources: Iterable[Path], rows: dict[Layout, Row], out: Path, side: int, chance: Random) -> Iterator[Video]:
    """Write every video in every layout, and measure size and quality."""
    for number, source in enumerate(sources):
        try:
            frames, rate = scaled(source, side)
        except VideoError:
            continue
        if len(frames) < LENGTH:
            continue
        first, second = (chance.randrange(len(frames) - LENGTH + 1) for _ in range(2))
        video = Video(out / str(number), (first, second), float(len(frames) / rate))
        video.folder.mkdir()
        original = np.stack([plane_views(frame)[0] for frame in frames])
        for index, (layout, row) in enumerate(rows.items()):
            layout.write(frames, rate, video.file(index))
            row.bytes.append(video.file(index).stat().st_size)
            (luma,) = layout.read(video.file(index), [0], len(frames))
            clips = layout.read(video.file(index), video.starts, LENGTH)
            for start, clip in zip(video.starts, clips, strict=True):
                np.testing.assert_array_equal(clip, luma[start : start + LENGTH])
            row.psnr.append(psnr(original, luma, layout.codec == "mjpeg"))
        yield video


def psnr(original: Luma, luma: Luma, full_range: bool) -> float:
    """Decibels of 255."""
    levels = luma * (219 / 255) + 16 if full_range else luma.astype(np.float32)
    error = float(np.square(levels - original).mean())
    return 10 * float(np.log10(255**2 / error)) if error else float("inf")


def time_reading(videos: Sequence[Video], rows: dict[Layout, Row], rounds: int) -> None:
    """CPU seconds of each round and layout, layouts in turn for each video."""
    for turn in range(rounds + 1):
        spent = [0.0] * len(rows)
        for video in track(videos, f"Reading, {turn} of {rounds}", console=Console(stderr=True), transient=True):
            for index, layout in enumerate(rows):
                started = process_time()
                layout.read(video.file(index), video.starts, LENGTH)
                spent[index] += process_time() - started
        for row, seconds in zip(rows.values(), spent, strict=True):
            row.seconds += [seconds] if turn else []  # the first round only warms up


def table(rows: dict[Layout, Row], videos: Sequence[Video]) -> str:
    """Markdown; speed as a multiple of the layout that is read, by the median of the rounds' ratios."""
    chosen = next(row for layout, row in rows.items() if layout.name == f"H.264 fastdecode crf 18, key {PRESENT}")
    lines = ["| layout | KB per video | KB per second | PSNR, dB | clips/s | speed |", "|---|---:|---:|---:|---:|---:|"]
    for layout, row in rows.items():
        rate = 2 * len(videos) / median(row.seconds)
        speed = median(now / own for now, own in zip(chosen.seconds, row.seconds, strict=True))
        per_second = sum(row.bytes) / sum(video.seconds for video in videos)
        sizes = f"{mean(row.bytes) / 1000:.0f} | {per_second / 1000:.0f}"
        lines.append(f"| {layout.name} | {sizes} | {mean(row.psnr):.1f} | {rate:.0f} | {speed:.2f} |")
    return "\n".join(lines)


def main(folders: list[Path], most: int, rounds: int, side: int, seed: int) -> None:
    """Write, read, print."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    chance = Random(seed)
    rows = {layout: Row() for layout in layouts()}
    with tempfile.TemporaryDirectory() as name:
        folders = folders or [render_collection(Path(name) / "shapes", MovingShapes(most, side=240))]
        paths = [[file.path for file in find_videos(folder).files] for folder in folders]
        share = -(-most // len(folders))
        sources = [path for each in paths for path in sorted(chance.sample(each, min(share, len(each))))]
        (out := Path(name) / "layouts").mkdir()
        videos = list(
            store(track(sources, "Writing", console=Console(stderr=True), transient=True), rows, out, side, chance)
        )
        time_reading(videos, rows, rounds)
    facts = versions() | {"command": shlex.join(sys.argv)}
    print(f"{len(videos)} videos, {mean(video.seconds for video in videos):.1f} s each, shorter side {side};", end=" ")
    print(f"{', '.join(f'{key} {value}' for key, value in facts.items())}\n\n{table(rows, videos)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--videos", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        main(arguments.folders, arguments.videos, arguments.rounds, arguments.side, arguments.seed)
    except UnreelError as error:
        sys.exit(f"{type(error).__name__}: {error}")
