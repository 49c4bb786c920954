"""Folders of numbered pictures, as many data sets keep their videos: what to type to make videos of them."""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from glob import escape
from pathlib import Path

from unreel.text import quoted

_COPIED = frozenset({".jpeg", ".jpg", ".png"})  # a video may hold them as they are
_SUFFIXES = _COPIED | {".bmp", ".pgm", ".ppm", ".tga", ".tif", ".tiff"}
_NUMBERED = re.compile(r"(.*?)([0-9]+)(\.[^.]+)", re.DOTALL)
_LEAST, _SHOWN = 2, 3


def advice(files: Iterable[Path], root: Path) -> str:
    """Which folders, `root` or below, hold such files, and the command for the first; empty where none does."""
    found: dict[Path, dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        match = _NUMBERED.fullmatch(file.name)
        if match and file.suffix.lower() in _SUFFIXES:
            found[file.parent][match[1], match[3]].append(match[2])
    # optical flow lies beside the pictures in some: the longest series is taken
    series = {folder: max(kinds.items(), key=lambda kind: len(kind[1])) for folder, kinds in sorted(found.items())}
    folders = [folder for folder, (_, numbers) in series.items() if len(numbers) >= _LEAST]
    if not folders:
        return ""
    first = folders[0]
    (prefix, suffix), numbers = series[first]
    codec = "copy" if suffix.lower() in _COPIED else "ffv1"
    out = first / f"{first.resolve().name}.mkv" if first == root else first.with_name(f"{first.name}.mkv")
    names = ", ".join(quoted(folder.relative_to(root).as_posix()) for folder in folders[:_SHOWN])
    more = f" and {len(folders) - _SHOWN} more" if len(folders) > _SHOWN else ""
    return (
        f"Numbered pictures are in {names}{more}: make a video of each folder, at the rate they were taken with, as by "
        f"ffmpeg -framerate 25 {_input(f'{first}/{prefix}', suffix, numbers)} -c:v {codec} "
        f"{shlex.quote(str(out))}"
    )


def _input(prefix: str, suffix: str, numbers: Sequence[str]) -> str:
    """How ffmpeg is told to read a series of pictures in the order of their numbers."""
    least = min(map(len, numbers))
    values = sorted(map(int, numbers))
    if values[-1] - values[0] + 1 == len(values):  # at a gap ffmpeg would stop
        for form in ("%d", f"%0{least}d"):
            if all(form % int(number) == number for number in numbers):
                return f"-start_number {values[0]} -i {shlex.quote(prefix.replace('%', '%%') + form + suffix)}"
    named = f"-pattern_type glob -i {shlex.quote(f'{escape(prefix)}*{suffix}')}"
    return named if least == max(map(len, numbers)) else f"{named} (once all numbers are as long: 0002, 0010)"
