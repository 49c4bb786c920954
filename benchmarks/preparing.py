"""Preparing a folder of videos against ffmpeg, file by file, as scripts do it.

    python benchmarks/preparing.py FOLDER [--videos 40] [--side 128] [--rounds 3] [--out FILE]

The same files, alternating: `unreel prepare` with one worker; `ffmpeg` with the settings of prepared files, and with
its own defaults but for size and quality; and frames as JPEG pictures, which is how many repositories keep videos.
Every one with one thread. Seconds are the CPU's, of the command and all that it starts. `unreel prepare` besides
looks at every frame, rejects what cannot be decoded, writes checksums, fingerprints and a manifest, and can be killed.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from measuring import Laps, bars, ratio, show, spread, times, write

from unreel.video.collection.transcode import H264_OPTIONS

SAME = " ".join(["-c:v libx264 -movflags +faststart", *(f"-{name} {value}" for name, value in H264_OPTIONS.items())])
OTHERS = {"ffmpeg, the same settings": SAME, "ffmpeg, its defaults": "-c:v libx264 -crf 18", "JPEG": "-q:v 2"}


def by_unreel(videos: Path, out: Path, side: int) -> None:
    """As the command does it."""
    command = [sys.executable, "-m", "unreel", "prepare", str(videos), str(out), "--side", str(side), "--workers", "1"]
    subprocess.run(command, check=True, capture_output=True)


def by_ffmpeg(videos: Path, out: Path, side: int, words: str) -> None:
    """A call for each file."""
    scale = f"scale='if(lt(iw,ih),{side},-2)':'if(lt(iw,ih),-2,{side})'"
    out.mkdir()
    for video in sorted(videos.iterdir()):
        target = out / f"{video.stem}.mp4"
        if words == OTHERS["JPEG"]:
            target = out / video.stem / "%05d.jpg"
            target.parent.mkdir()
        begin = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", "-filter_threads", "1", "-i", str(video)]
        command = [*begin, "-an", "-vf", scale, "-pix_fmt", "yuv420p", *words.split(), "-threads", "1", str(target)]
        subprocess.run(command, check=True)


def lap(work: Callable[[Path], None], folder: Path) -> tuple[float, float, int]:
    """Seconds by the clock and of CPUs, and the bytes that are left."""
    started, used = perf_counter(), _children()
    work(folder)
    seconds = perf_counter() - started, _children() - used
    return *seconds, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measured(works: Mapping[str, Callable[[Path], None]], rounds: int) -> tuple[dict[str, Laps], dict[str, int]]:
    """The laps of all, another one first in each round, and the bytes of each."""
    laps, sizes, names = {name: Laps() for name in works}, {}, list(works)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            with tempfile.TemporaryDirectory() as folder:
                clock, CPU, sizes[name] = lap(works[name], Path(folder) / "out")
            laps[name].clock.append(clock)
            laps[name].CPU.append(CPU)
    return laps, sizes


def main(options: argparse.Namespace) -> None:
    """Measure, print and write."""
    found = sorted(path for path in options.folder.rglob("*") if path.suffix in (".avi", ".mp4", ".mkv", ".webm"))
    chosen = found[:: max(1, len(found) // options.videos)][: options.videos]
    with tempfile.TemporaryDirectory() as folder:
        videos = Path(folder) / "videos"
        videos.mkdir()
        for number, path in enumerate(chosen):
            shutil.copy(path, videos / f"{number:04}{path.suffix}")
        works: dict[str, Callable[[Path], None]] = {"unreel": lambda out: by_unreel(videos, out, options.side)}
        for name, words in OTHERS.items():
            works[name] = lambda out, words=words: by_ffmpeg(videos, out, options.side, words)
        laps, sizes = measured(works, options.rounds)
    figures: dict[str, Any] = {
        name: {
            "seconds": spread(each.CPU),
            "seconds by the clock": spread(each.clock),
            "times unreel's": ratio(each, laps["unreel"], "cpu"),
            "MB": sizes[name] / 1e6,
        }
        for name, each in laps.items()
    }
    rows = [
        (
            name,
            f"{each['seconds']['median']:.1f}",
            times(each["times unreel's"]),
            f"{each['MB']:.1f}",
        )
        for name, each in figures.items()
    ]
    show(f"{len(chosen)} videos to {options.side} pixels", ("by", "seconds", "times unreel's", "MB"), rows)
    charts = [bars("Preparing, times unreel's", "times", {n: each["times unreel's"] for n, each in figures.items()})]
    write(options, {"videos": len(chosen), "ways": figures, "charts": charts})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--videos", type=int, default=40)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", choices=["cpu"], default="cpu")
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON; chart.py draws them")
    main(parser.parse_args())
