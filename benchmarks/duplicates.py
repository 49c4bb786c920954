"""How far apart the videos of a folder are, how far their copies, and how long the search for near duplicates takes.

    python benchmarks/duplicates.py FOLDER … [--every 2] [--pairs 20] [--search 10000 100000] [--seed 0]

Prints Markdown: the nearest pairs of different files and the distances of all pairs; then how far copies of every n-th
video are from their original, and how many count as near duplicates. Copies are encoded with PyAV, in H.264 at crf 28
where nothing else is said; of those called hard many are not found. Last, the seconds of the search among fingerprints
of no videos, drawn with the mean and covariance of the folders' own.
"""

import argparse
import shlex
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from frames import decode_all
from jaxtyping import Float32, UInt8

from unreel.errors import VideoError
from unreel.video.collection.discover import find_videos
from unreel.video.collection.duplicates import NEAR, near_matches
from unreel.video.collection.fingerprint import Fingerprinter, coefficients, encode, mirrored
from unreel.video.decoding.convert import Converter, plane_views
from unreel.video.decoding.yuv import Colour

Luma = UInt8[np.ndarray, "h w"]
RATE = 25


@dataclass(frozen=True)
class Copy:
    """One way of copying: what becomes of the frames' luma, and how they are encoded."""

    name: str
    change: Callable[[list[Luma]], list[Luma]] = lambda frames: frames
    scale: float = 1.0
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=lambda: {"crf": "28", "preset": "veryfast"})
    bit_rate: int = 0

    def write(self, frames: list[Luma], path: Path) -> None:
        """Encode the changed frames; chroma is grey, as fingerprints do not look at it."""
        frames = [luma[: len(luma) // 2 * 2, : luma.shape[1] // 2 * 2] for luma in self.change(frames)]
        height, width = (2 * round(size * self.scale / 2) for size in frames[0].shape)
        with av.open(str(path), "w") as container:
            stream = container.add_stream(self.codec, rate=RATE, options=self.options)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.thread_count = 1
            if self.bit_rate:
                stream.bit_rate = self.bit_rate
            for number, luma in enumerate(frames):
                chroma = np.full((len(luma) // 2, luma.shape[1]), 128, np.uint8)
                frame = VideoFrame.from_ndarray(np.concatenate([luma, chroma]), "yuv420p")
                frame = frame.reformat(width, height, interpolation="BICUBIC")
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))


def each(change: Callable[[Luma], Luma]) -> Callable[[list[Luma]], list[Luma]]:
    """The change of every frame."""
    return lambda frames: [change(luma) for luma in frames]


def graded(gain: float = 1.0, offset: float = 0.0, gamma: float = 1.0) -> Callable[[list[Luma]], list[Luma]]:
    """Another brightness, contrast or gamma; luma beyond the limited range is clipped."""

    def grade(luma: Luma) -> Luma:
        share = np.clip((luma.astype(np.float32) - 16) / 219, 0, 1) ** gamma
        return np.clip(np.rint(share * 219 * gain + 16 + offset), 16, 235).astype(np.uint8)

    return each(grade)


def cropped(share: float) -> Callable[[list[Luma]], list[Luma]]:
    """Without this share of the height and width, half of it on each side."""

    def crop(luma: Luma) -> Luma:
        top, left = (round(size * share / 2) for size in luma.shape)
        return luma[top : luma.shape[0] - top, left : luma.shape[1] - left]

    return each(crop)


def retimed(speed: float) -> Callable[[list[Luma]], list[Luma]]:
    """Every `speed`-th frame, the nearest before."""
    return lambda frames: [frames[int(number * speed)] for number in range(ceil(len(frames) / speed))]


COPIES = (
    Copy("H.264, crf 23", options={"crf": "23"}),
    Copy("H.264, crf 28"),
    Copy("MPEG-4, 150 kbit/s", codec="mpeg4", options={}, bit_rate=150_000),
    Copy("half the size", scale=0.5),
    Copy("1.5 times the size", scale=1.5),
    Copy("mirrored", each(lambda luma: luma[:, ::-1])),
    Copy("every frame twice", retimed(0.5)),
    Copy("every second frame", retimed(2.0)),
    Copy("30 to 25 frames per second", retimed(1.2)),
    Copy("brighter by 25 of 255", graded(offset=25.0)),
    Copy("contrast 0.7", graded(gain=0.7)),
    Copy("gamma 0.75", graded(gamma=0.75)),
    Copy("cropped by 2 %", cropped(0.02)),
)
HARD = (
    Copy("hard: H.264, crf 40", options={"crf": "40"}),
    Copy("hard: every third frame", retimed(3.0)),
    Copy(
        "hard: mirrored, every second frame, 0.6 of the size, crf 32",
        lambda frames: [luma[:, ::-1] for luma in frames[::2]],
        0.6,
        options={"crf": "32"},
    ),
    Copy("hard: cropped by 8 %", cropped(0.08)),
    Copy("hard: without the first 5 %", lambda frames: frames[len(frames) // 20 :]),
)


def luma_frames(path: Path) -> list[Luma]:
    """The luma of every frame, as preparing converts it, but at its own size."""
    frames: list[Luma] = []
    convert: Converter | None = None
    for frame in decode_all(path):
        convert = convert or Converter(frame.width // 2 * 2, frame.height // 2 * 2, Colour("bt601"))
        frames.append(plane_views(convert(frame))[0].copy())
    return frames


def fingerprint(frames: Iterable[Luma]) -> bytes:
    """The fingerprint of these frames."""
    fingerprinter = Fingerprinter()
    for luma in frames:
        fingerprinter.take(luma)
    return fingerprinter.fingerprint()


def distances(one: Float32[np.ndarray, "n d"], others: Float32[np.ndarray, "m d"]) -> Float32[np.ndarray, "n m"]:
    """How far apart fingerprints are, straight or mirrored."""
    lengths = (one**2).sum(1)[:, None] + (others**2).sum(1)
    products = np.maximum(one @ others.T, mirrored(one) @ others.T)
    apart: Float32[np.ndarray, "n m"] = np.sqrt(np.maximum(lengths - 2 * products, 0))
    return apart


def copies_of(frames: list[Luma], folder: Path) -> Iterator[tuple[str, bytes]]:
    """The name and fingerprint of every copy."""
    for copy in (*COPIES, *HARD):
        path = folder / ("copy.avi" if copy.codec == "mpeg4" else "copy.mp4")
        copy.write(frames, path)
        yield copy.name, fingerprint(luma_frames(path))


def read(folders: list[Path], every: int) -> tuple[dict[str, bytes], dict[str, list[float]]]:
    """The fingerprints of all videos by name, and the distances of every n-th to its copies by kind of copy."""
    originals: dict[str, bytes] = {}
    copied: dict[str, list[float]] = defaultdict(list)
    files = [(folder, file) for folder in folders for file in find_videos(folder).files]
    with TemporaryDirectory() as scratch:
        for number, (folder, file) in enumerate(files):
            try:
                frames = luma_frames(file.path)
            except VideoError as error:
                print(f"left out: {file.path}: {error}", file=sys.stderr)
                continue
            own = fingerprint(frames)
            if not own:
                print(f"no fingerprint: {file.path}", file=sys.stderr)
                continue
            originals[f"{folder.name}/{file.id}"] = own
            if number % every == 0:
                for kind, other in copies_of(frames, Path(scratch)):
                    apart = distances(coefficients([own]), coefficients([other]))[0, 0] if other else np.inf
                    copied[kind].append(float(apart))
    return originals, copied


def table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """Markdown."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def print_pairs(originals: dict[str, bytes], shown: int) -> None:
    """The nearest pairs of all, and how many there are at which distance."""
    names = list(originals)
    rows = coefficients(list(originals.values()))
    first, second = np.triu_indices(len(names), 1)
    apart = distances(rows, rows)[first, second]
    nearest = np.argsort(apart, kind="stable")[:shown]
    print(
        table(
            ("distance", "nearest pairs", ""), ((f"{apart[k]:.3f}", names[first[k]], names[second[k]]) for k in nearest)
        )
    )
    bounds = np.linspace(0, 2, 41)
    counts, _ = np.histogram(apart, bounds)
    spans = ((f"{low:.2f} to {high:.2f}", n) for low, high, n in zip(bounds[:-1], bounds[1:], counts, strict=True) if n)
    print(table(("distance", "pairs of different files"), spans))
    print(
        f"{(apart <= NEAR).sum()} of {len(apart)} pairs of {len(names)} videos are near duplicates (at most {NEAR}).\n"
    )


def print_copies(copied: dict[str, list[float]]) -> None:
    """The distances of copies to their original."""
    rows = (
        (
            kind,
            len(values),
            *(f"{np.quantile(values, share):.3f}" for share in (0.5, 0.95, 1)),
            f"{100 * np.mean(np.array(values) <= NEAR):.1f} %",
        )
        for kind, values in copied.items()
    )
    print(table(("copy", "videos", "median", "95 %", "largest", "near"), rows))


def drawn(like: Float32[np.ndarray, "n d"], count: int, seed: int) -> list[bytes]:
    """Fingerprints of no videos, with the mean and covariance of those of some; the last hundredth copies the first."""
    chance = np.random.default_rng(seed)
    mean = like.mean(0)
    _, spread, axes = np.linalg.svd(like - mean, full_matrices=False)
    length = float(np.linalg.norm(like, axis=1).mean())
    rows: list[bytes] = []
    for _ in range(count - count // 100):
        row = mean + (chance.standard_normal(len(spread)) * spread / np.sqrt(len(like))) @ axes
        rows.append(encode(np.clip(row * length / np.linalg.norm(row), -1, 1)))
    noise = chance.standard_normal((count // 100, like.shape[1])) * 0.1 / np.sqrt(like.shape[1])
    return [*rows, *(encode(row) for row in coefficients(rows[: count // 100]) + noise)]


def print_search(originals: dict[str, bytes], counts: list[int], seed: int) -> None:
    """How long the search takes for so many fingerprints."""
    like = coefficients(list(originals.values()))
    list(near_matches(list(originals.values()), list(originals.values())))  # warm up
    rows = []
    for count in counts:
        known = drawn(like, count, seed)
        start = perf_counter()
        found = sum(one < other for one, other in near_matches(known, known))
        rows.append((count, found, f"{perf_counter() - start:.1f}"))
    print(table(("fingerprints", "near duplicates found", "seconds"), rows))


def main() -> None:
    """Print the tables."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--every", type=int, default=2, help="copy every n-th video")
    parser.add_argument("--pairs", type=int, default=20, help="nearest pairs to name")
    parser.add_argument("--search", type=int, nargs="*", default=[10_000], help="fingerprints to search among")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"`python {shlex.join(sys.argv)}`\n")
    originals, copied = read(options.folders, options.every)
    print_pairs(originals, options.pairs)
    print_copies(copied)
    print_search(originals, options.search, options.seed)


if __name__ == "__main__":
    main()
