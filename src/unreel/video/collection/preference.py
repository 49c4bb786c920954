"""Which of several copies of a video is kept: the one order that `scan`, `prepare` and `dedupe` go by."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from math import inf
from pathlib import PurePosixPath
from typing import Any

from unreel.video.collection.manifest import VideoRecord

_WORD = "(?:copy|kopie|copie|copia|cópia)"
_MARK = re.compile(
    rf"\((?:\w+ )?{_WORD}(?: \d{{1,2}})?\)$"  # x (copy), x (another copy), x (copy 1)
    rf"|(?:^|[\s_.-]){_WORD}[\s_-]?\d{{0,2}}$"  # x - Copy, x copy 2, x_copy2
    rf"|\(\d{{1,2}}\)$"  # x (1)
    rf"|^{_WORD}\s?(?:\(\d{{1,2}}\)\s)?(?:of|von|van|de|di)\s",  # Copy of x, Copy (2) of x
    re.IGNORECASE,
)
_COARSEST = 2  # seconds: memory cards keep times no finer, so that a copy on one seems older than its original


@dataclass(frozen=True)
class Criterion:
    """The least `value` is best; what is said of the `best` video of a group, and of a `worse` one."""

    value: Callable[[VideoRecord], Any]
    best: str
    worse: str


CRITERIA = (
    Criterion(lambda video: -video.source_width * video.source_height, "most pixels", "fewer pixels"),
    Criterion(lambda video: -round(video.duration), "longest", "shorter"),
    Criterion(lambda video: video.lost, "fewest frames lost", "more frames lost"),
    Criterion(lambda video: copy_marks(video.id), "not named as a copy", "named as a copy"),
    Criterion(lambda video: video.modified // _COARSEST if video.modified else inf, "oldest", "newer"),
    Criterion(lambda video: -video.size, "most bytes", "fewer bytes"),
    Criterion(lambda video: len(PurePosixPath(video.id).name), "shortest name", "longer name"),
    Criterion(lambda video: video.id.count("/"), "fewest folders", "in more folders"),
    Criterion(lambda video: video.id, "first path", "later path"),
)
"""In the order in which they decide. The same file has the same pixels, length and bytes: names and times decide."""


@dataclass(frozen=True)
class Preference:
    """The order of copies; those in whose path `keep_from` is found come before all others."""

    keep_from: re.Pattern[str] | None = None

    @cached_property
    def criteria(self) -> tuple[Criterion, ...]:
        """What decides, in its order."""
        if self.keep_from is None:
            return CRITERIA
        wanted = self.keep_from
        return (Criterion(lambda video: not wanted.search(video.id), "kept by its path", "another is kept"), *CRITERIA)

    def key(self, video: VideoRecord) -> tuple[Any, ...]:
        """What videos are sorted by, the one to keep first; no two of a collection have the same."""
        return tuple(criterion.value(video) for criterion in self.criteria)

    def why_not(self, video: VideoRecord, kept: VideoRecord) -> str:
        """Why a video is not the one that is kept."""
        return self._deciding(video, kept).worse

    def why(self, kept: VideoRecord, others: Iterable[VideoRecord]) -> str:
        """Why one is kept of a group."""
        deciding = {self._deciding(kept, other) for other in others}
        return ", ".join(criterion.best for criterion in self.criteria if criterion in deciding)

    def _deciding(self, one: VideoRecord, other: VideoRecord) -> Criterion:
        return next(each for each in self.criteria if each.value(one) != each.value(other))


def copy_marks(path: str) -> int:
    """How often the names of a file and its folders call it a copy: `Copy of x`, `x - Copy (2)`, `x_copy`, `x (1)`."""
    place = PurePosixPath(unicodedata.normalize("NFC", path))
    return sum(map(_marks, (*place.parts[:-1], place.stem)))


def _marks(name: str) -> int:
    count = 0
    while found := _MARK.search(name):
        name, count = (name[: found.start()] + name[found.end() :]).rstrip(" _.-"), count + 1
    return count
