"""The few big numbers at the top of a report."""

from collections.abc import Sequence
from dataclasses import dataclass

from unreel.reporting.recognition import RecognitionTable
from unreel.reporting.scores import ScoreTable
from unreel.video.collection.manifest import Manifest


@dataclass(frozen=True)
class Headline:
    """One big number; `before` is what it was without training."""

    name: str
    value: str
    before: str = ""
    note: str = ""


def headlines(manifest: Manifest, tables: Sequence[ScoreTable], recognition: RecognitionTable | None) -> list[Headline]:
    """What the collection holds, and how well its videos are found and recognised."""
    skipped = len(manifest.skipped)
    found = [
        Headline("Videos", f"{len(manifest):,}"),
        Headline("Usable", f"{len(manifest.usable):,}", note=f"{skipped:,} skipped" if skipped else "none skipped"),
    ]
    found += [each for table in tables for each in _of_retrieval(table)]
    return found + (_of_recognition(recognition) if recognition else [])


def _of_retrieval(table: ScoreTable) -> list[Headline]:
    """From the first encoder, which is the baseline, to the best of the others."""
    evaluated = [(row, cell) for row in table.final for cell in row.cells[:1] if cell]
    if not evaluated:
        return []
    baseline, before = evaluated[0]
    trained, after = max(evaluated[1:] or evaluated, key=lambda each: each[1].percent)
    best = f", the best of {len(evaluated) - 1}" if len(evaluated) > 2 else ""
    return [
        Headline(
            name=f"R@{table.ks[0]} by {table.label}",
            value=f"{after.percent:.1f} %",
            before=f"{before.percent:.1f} %" if len(evaluated) > 1 else "",
            note=f"{baseline.encoder} → " * (len(evaluated) > 1)
            + f"{trained.encoder}{best}; chance {trained.chance:.1f} %",
        )
    ]


def _of_recognition(table: RecognitionTable) -> list[Headline]:
    """The highest top-1 of videos, by label."""
    found = {}
    for row in table.rows:
        label = row.recognition.label
        rivals = [
            (each.cells[0], each.name) for each in table.rows if each.recognition.label == label and each.cells[0]
        ]
        if rivals:
            top, name = max(rivals)
            best = f", the best of {len(rivals)}" if len(rivals) > 1 else ""
            found[label] = Headline(f"Top-1 of {label}", f"{top:.1f} %", note=f"{name}{best}")
    return list(found.values())
