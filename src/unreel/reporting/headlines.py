"""The few big numbers at the top of a report."""

from collections.abc import Sequence
from dataclasses import dataclass

from unreel.reporting.recognition import RecognitionTable
from unreel.reporting.scores import ScoreRow, ScoreTable, learnt_nothing
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
    """From the best encoder that learnt nothing, or where there is none from the first, to the best of the others."""
    evaluated = [(row, cell.percent) for row in table.final for cell in row.cells[:1] if cell]
    if not evaluated:
        return []
    baselines = [each for each in evaluated if learnt_nothing(each[0].encoder)] or evaluated[:1]
    others = [each for each in evaluated if each not in baselines]
    (_, before), (row, after) = (max(each, key=lambda pair: pair[1]) for each in (baselines, others or baselines))
    return [
        Headline(
            name=f"R@{table.ks[0]} by {table.label}",
            value=f"{after:.1f} %",
            before=f"{before:.1f} %" if others else "",
            note=f"{_best(baselines)} → " * bool(others) + f"{_best(others or baselines)}; chance {row.chance:.1f} %",
        )
    ]


def _best(evaluated: Sequence[tuple[ScoreRow, float]]) -> str:
    """The best one's name, and of how many."""
    row, _ = max(evaluated, key=lambda pair: pair[1])
    return row.encoder + (f", the best of {len(evaluated)}" if len(evaluated) > 1 else "")


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
