"""The report: one HTML page about a collection, training runs and what their encoders find alike or recognise.

```
manifest ───▶ inventory ────────┐
metrics ────▶ curves ─▶ runs ───┤
retrievals ─▶ scores, classes ──┤
            ▶ confusion ────────┼──▶ document: templates/report.html ──▶ one file, or a page and a folder
            ▶ gallery ──────────┤
tests ──────▶ recognition ──────┤
vectors ────▶ projection ───────┘      (moving videos: previews ◀── strips)
```
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unreel.engine.progress import track
from unreel.evaluation.results import Retrieval
from unreel.reporting.classes import ClassTable, recognition_classes, retrieval_classes
from unreel.reporting.collection_summary import inventory
from unreel.reporting.confusion import Confusion, recognition_confusion, retrieval_confusion
from unreel.reporting.coverage import recognition_shortfalls, shortfalls
from unreel.reporting.curves import CurveChart
from unreel.reporting.document import write_document
from unreel.reporting.gallery import GalleryQuery, gallery
from unreel.reporting.headlines import headlines
from unreel.reporting.previews import Preview, clips_of, cut_previews
from unreel.reporting.projection import EmbeddingMap, Mark, embedding_map, marks
from unreel.reporting.recognition import ShownTest, errors, recognition_table, worst
from unreel.reporting.run_section import ShownRun, facts, run_charts
from unreel.reporting.scores import ScoreTable, first_of_each, learnt_nothing, score_tables, settings
from unreel.reporting.selection import ReportSelection, select
from unreel.video.collection.manifest import Manifest


@dataclass(frozen=True)
class ReportInputs:
    """All a report shows; what is empty leaves a section that says how to fill it.

    `subtitle` is one line: what, when, how long. `manifest` is the collection that gallery and maps show. `retrievals`
    are one result per encoder (and split) on it, those that learnt nothing first, `vectors` the embeddings by encoder
    and video id, `tests` those of fine-tuned runs, each with the collection of its own, `next_steps` the commands to
    type next.
    """

    title: str
    subtitle: str
    manifest: Manifest
    runs: Sequence[ShownRun]
    retrievals: Sequence[Retrieval]
    vectors: Mapping[str, Mapping[str, np.ndarray]]
    next_steps: Sequence[str]
    tests: Sequence[ShownTest] = field(default=())

    @property
    def collections(self) -> dict[Path, Manifest]:
        """Every collection once, by its folder."""
        return {each.root: each for each in (self.manifest, *(test.manifest for test in self.tests))}


@dataclass(frozen=True)
class LabelView:
    """What the page shows while one label scores: gallery, classes, and the marks of the map by class and by value."""

    name: str
    queries: list[GalleryQuery]
    classes: ClassTable | None
    confusions: list[Confusion]
    marks: list[Mark]
    mark_of: dict[str, Mark]


def write_report(inputs: ReportInputs, out: Path, *, seed: int = 0, split: bool = False) -> Path:
    """Write the page to `out`, whole or not at all; `seed` draws the gallery's queries, the samples and the maps.

    With `split` the moving pictures lie in a folder beside it, and every video of a map moves.

    Raises:
        RunError: there is no writing to `out`.
        OverwriteError: it is split, and the folder for the pictures is taken.
    """
    compared = first_of_each(inputs.retrievals)
    chosen = select(inputs.manifest, compared, inputs.vectors, seed, all_move=split)
    previews_of = _previews(inputs, chosen)
    previews = previews_of[inputs.manifest.root]
    maps = [
        embedding_map(encoder, vectors, chosen.mapped, seed)
        for encoder, vectors in track(inputs.vectors.items(), "Drawing the maps")
    ]
    tables, charts = score_tables(inputs.retrievals), run_charts(inputs.runs)
    tests = [(test.name, test.recognition) for test in inputs.tests]
    tested = recognition_table(inputs.tests) if inputs.tests else None
    everything = [preview for each in previews_of.values() for preview in each.values()]
    content: dict[str, Any] = {
        "inputs": inputs,
        "seed": seed,
        "split": split,
        "sections": _sections(inputs),
        "chosen": chosen,
        "headlines": headlines(inputs.manifest, tables, tested),
        "inventories": [inventory(each) for each in inputs.collections.values()],
        "facts": facts(inputs.runs),
        "charts": charts,
        "tables": tables,
        "settings": settings(inputs.retrievals),
        "shortfalls": shortfalls(inputs.retrievals),
        "shown_split": _shown_split(inputs.retrievals, compared),
        "views": _views(inputs.manifest, compared, chosen, previews, tables),
        "recognition": tested,
        "recognition_classes": recognition_classes(tests),
        "recognition_confusions": [recognition_confusion(*test) for test in tests],
        "recognition_shortfalls": recognition_shortfalls(tests),
        "errors": {test.name: errors(test.recognition, previews_of[test.manifest.root]) for test in inputs.tests},
        "maps": maps,
        "previews": previews,
        "data": _data(everything, previews, maps, charts),
    }
    return write_document("report.html", content, clips_of(everything), out, split=split)


def _sections(inputs: ReportInputs) -> list[str]:
    """What there is to show of these runs, and what a command can still fill."""
    kinds = {run.kind for run in inputs.runs} or {"pretraining"}
    pretrained = "pretraining" in kinds
    return [
        "collection",
        "training",
        *["recognition"] * ("fine-tuning" in kinds or bool(inputs.tests)),
        *["retrieval", "gallery"] * (pretrained or bool(inputs.retrievals)),
        *["map"] * (pretrained or bool(inputs.vectors)),
        "next",
    ]


def _shown_split(retrievals: Sequence[Retrieval], compared: Sequence[Retrieval]) -> str:
    """The split whose results the gallery shows; nothing where there is only one."""
    return ", ".join(dict.fromkeys(each.origin.split for each in compared)) if len(compared) < len(retrievals) else ""


def _previews(inputs: ReportInputs, chosen: ReportSelection) -> dict[Path, dict[str, Preview]]:
    """The previews of every collection, by its folder; they are numbered through."""
    previews_of: dict[Path, dict[str, Preview]] = {}
    for root, manifest in inputs.collections.items():
        wrong = [each.id for test in inputs.tests if test.manifest.root == root for each in worst(test.recognition)]
        main = root == inputs.manifest.root
        shown, moving = (chosen.shown, chosen.with_strip) if main else ([], set())
        first = sum(map(len, previews_of.values()))
        previews_of[root] = cut_previews(manifest, dict.fromkeys([*shown, *wrong]), {*moving, *wrong}, first=first)
    return previews_of


def _views(
    manifest: Manifest,
    retrievals: Sequence[Retrieval],
    chosen: ReportSelection,
    previews: Mapping[str, Preview],
    tables: Sequence[ScoreTable],
) -> list[LabelView]:
    """One view per label that can score, those with a score first; a nameless one where there are no labels."""
    labels = dict.fromkeys([*(table.label for table in tables), *manifest.label_names]) or [""]
    views = []
    for label in labels:
        values = {record.id: record.labels.get(label, "") for record in manifest.usable}
        trained_first = sorted(retrievals, key=lambda each: learnt_nothing(each.origin.encoder))
        confusions = (retrieval_confusion(each, label, values) for each in trained_first)
        classes = marks([previews[video].labels.get(label, "") for video in chosen.mapped])
        views.append(
            LabelView(
                name=label,
                queries=gallery(chosen.queries, retrievals, previews, label),
                classes=retrieval_classes(retrievals, label),
                confusions=[each for each in confusions if each],
                marks=classes,
                mark_of={mark.value: mark for mark in classes},
            )
        )
    return views


def _data(
    shown: Sequence[Preview],
    previews: Mapping[str, Preview],
    maps: Sequence[EmbeddingMap],
    charts: Sequence[CurveChart],
) -> dict[str, Any]:
    """What the page's script needs to know; numbers stand for videos."""
    return {
        "videos": [{"id": each.id, "labels": each.labels, "reason": each.reason} for each in shown],
        "maps": [
            [[previews[video].number, *place] for video, place in zip(each.videos, each.places, strict=True)]
            for each in maps
        ],
        "charts": [
            {
                "percent": chart.percent,
                "range": chart.x_range,
                "lines": [{"steps": line.steps, "values": line.values} for line in chart.lines],
            }
            for chart in charts
        ],
    }
