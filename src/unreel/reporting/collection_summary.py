"""What a collection holds, counted for people: labels, durations, picture sizes, codecs, reasons to skip."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from unreel.text import duration_text, size_text
from unreel.video.collection.manifest import Manifest, VideoRecord

MOST_ROWS = 12
MOST_SKIPPED = 1000

_SECONDS = (0, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600, 1800)


@dataclass(frozen=True)
class LabelBar:
    """One row of a bar list; `share` is its count over the largest count of the list."""

    name: str
    count: int
    share: float


@dataclass(frozen=True)
class BarList:
    """Counts under a title: `bars` shown at once, `folded` on demand."""

    title: str
    note: str
    bars: list[LabelBar]
    folded: list[LabelBar]


@dataclass(frozen=True)
class Inventory:
    """The collection section of a report; `unlisted` skipped files are counted but not named."""

    scanned: int
    usable: int
    ignored: int
    source: str
    side: int
    length: str
    size: str
    lists: list[BarList]
    reasons_to_skip: list[tuple[str, int]]
    skipped: list[VideoRecord]
    unlisted: int


def inventory(manifest: Manifest) -> Inventory:
    """Count everything in the manifest."""
    usable, skipped = manifest.usable, manifest.skipped
    lists = [_label_list(name, usable) for name in manifest.label_names]
    if usable:
        lists += [
            _duration_list([record.duration for record in usable]),
            _bar_list("Picture size", Counter(f"{video.source_width} × {video.source_height}" for video in usable)),
            _bar_list("Codec", Counter(video.codec or "not recorded" for video in usable)),
        ]
    return Inventory(
        scanned=len(manifest),
        usable=len(usable),
        ignored=manifest.ignored,
        source=manifest.source,
        side=manifest.side,
        length=duration_text(sum((record.duration for record in usable), 0.0)),
        size=size_text(sum(record.size for record in usable)),
        lists=lists,
        reasons_to_skip=manifest.reasons_to_skip.most_common(),
        skipped=list(skipped[:MOST_SKIPPED]),
        unlisted=max(0, len(skipped) - MOST_SKIPPED),
    )


def _label_list(label: str, usable: Iterable[VideoRecord]) -> BarList:
    counts = Counter(record.labels.get(label, "") for record in usable)
    without = counts.pop("", 0)
    note = _counted(len(counts), "class", "classes")
    if without:
        note += f", {_counted(without, 'video', 'videos')} without"
    return _bar_list(f"Label: {label}", counts, note)


def _counted(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"


def _bar_list(title: str, counts: Counter[str], note: str = "") -> BarList:
    """Most frequent first; equal counts by name."""
    return _bars(title, note, sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _duration_list(durations: list[float]) -> BarList:
    """A histogram with edges people know, without the empty ends."""
    counts = Counter(max(edge for edge in _SECONDS if edge <= max(0, duration)) for duration in durations)
    rows = []
    for low, high in zip(_SECONDS, (*_SECONDS[1:], None), strict=True):
        if min(counts) <= low <= max(counts):
            rows.append((f"{low}–{high} s" if high else f"over {low} s", counts[low]))
    note = f"median {duration_text(median(durations))}, longest {duration_text(max(durations))}"
    return _bars("Duration", note, rows)


def _bars(title: str, note: str, rows: list[tuple[str, int]]) -> BarList:
    most = max((count for _, count in rows), default=1)
    bars = [LabelBar(name, count, count / most) for name, count in rows]
    return BarList(title, note, bars[:MOST_ROWS], bars[MOST_ROWS:])
