"""The report: one self-contained HTML page about a collection, a training run and what its encoder finds alike.

```
manifest ──▶ inventory ─┐
metrics ───▶ curves ────┤
retrievals ▶ scores ────┼──▶ templates/report.html + .css + .js ──▶ one file
           ▶ gallery ───┤
vectors ───▶ projection ┘         (moving videos: previews ◀── strips)
```
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from unreel.chance import generator
from unreel.engine.progress import track
from unreel.errors import RunError
from unreel.evaluation.results import Retrieval
from unreel.reporting.curves import Chart, charts
from unreel.reporting.gallery import Query, answered, draw_queries, gallery, shown_videos
from unreel.reporting.inventory import inventory
from unreel.reporting.previews import Preview, cut_previews
from unreel.reporting.projection import EmbeddingMap, Mark, embedding_map, marks
from unreel.reporting.scores import ScoreTable, score_tables, settings
from unreel.video.manifest import Manifest

MOST_ON_MAP = 2000
MOST_MOVING = 400
REEL = 12


@dataclass(frozen=True)
class ReportInputs:
    """All a report shows; empty `metrics`, `retrievals` or `vectors` leave a section that says how to fill it.

    `subtitle` is one line: what, when, how long. `facts` are shown in their order (recipe, steps, command, versions).
    `metrics` are the rows of metrics.csv, `retrievals` one result per encoder on the same collection, baseline
    first, `vectors` the embeddings by encoder and video id, `next_steps` the commands to type next.
    """

    title: str
    subtitle: str
    manifest: Manifest
    facts: dict[str, str]
    metrics: Sequence[Mapping[str, int | float]]
    retrievals: list[Retrieval]
    vectors: dict[str, dict[str, np.ndarray]]
    next_steps: list[str]


@dataclass(frozen=True)
class Selection:
    """Which videos the page shows where: `queries` of those `answered`, `mapped` of those `embedded`."""

    queries: list[str]
    answered: int
    in_gallery: list[str]
    mapped: list[str]
    embedded: int
    moving: list[str]
    reel: list[str]


@dataclass(frozen=True)
class LabelView:
    """What the page shows while one label judges: the gallery, and the marks of the map by class and by value."""

    name: str
    queries: list[Query]
    marks: list[Mark]
    mark_of: dict[str, Mark]


@dataclass(frozen=True)
class Headline:
    """One big number; `before` is what it was without training."""

    name: str
    value: str
    before: str = ""
    note: str = ""


def write_report(inputs: ReportInputs, out: Path, *, seed: int = 0) -> Path:
    """Write the page to `out`, whole or not at all; `seed` draws the gallery's queries, the samples and the maps.

    Raises:
        RunError: there is no writing to `out`.
    """
    html = _render(inputs, seed)
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(html.encode("utf-8", "backslashreplace"))
        unfinished.replace(out)
    except OSError as error:
        if unfinished.exists():
            unfinished.unlink()
        raise RunError(
            f"The report cannot be written to {out} ({error.strerror}): expected the name of a file, in a folder that "
            "can be written to. Name another one."
        ) from error
    return out


def _render(inputs: ReportInputs, seed: int) -> str:
    chosen = _select(inputs, seed)
    shown = dict.fromkeys([*chosen.reel, *chosen.in_gallery, *chosen.mapped])
    previews = cut_previews(inputs.manifest, list(shown), {*chosen.reel, *chosen.in_gallery, *chosen.moving})
    maps = [
        embedding_map(encoder, vectors, chosen.mapped, seed)
        for encoder, vectors in track(inputs.vectors.items(), "Drawing the maps")
    ]
    curves, tables = charts(inputs.metrics), score_tables(inputs.retrievals)
    script = _template_text("report.js")
    content: dict[str, Any] = {
        "inputs": inputs,
        "seed": seed,
        "chosen": chosen,
        "headlines": _headlines(inputs.manifest, tables),
        "inventory": inventory(inputs.manifest),
        "charts": curves,
        "tables": tables,
        "settings": settings(inputs.retrievals),
        "views": _views(inputs, chosen, previews, tables),
        "maps": maps,
        "previews": previews,
        "data": _data(previews, maps, curves),
        "style": Markup(_template_text("report.css")),
        "script": Markup(script),
        "script_hash": b64encode(sha256(script.encode()).digest()).decode(),
    }
    return _environment().get_template("report.html").render(content)


@cache
def _environment() -> Environment:
    loader = PackageLoader("unreel.reporting")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _template_text(name: str) -> str:
    return files("unreel.reporting").joinpath("templates").joinpath(name).read_text(encoding="utf-8")


def _select(inputs: ReportInputs, seed: int) -> Selection:
    usable = inputs.manifest.usable
    candidates = answered(inputs.retrievals)
    queries = draw_queries(candidates, {record.id: record.labels for record in usable}, seed)
    embedded = sorted({video for vectors in inputs.vectors.values() for video in vectors})
    mapped = _sample(embedded, MOST_ON_MAP, seed, "map")
    return Selection(
        queries=queries,
        answered=len(candidates),
        in_gallery=shown_videos(queries, inputs.retrievals),
        mapped=mapped,
        embedded=len(embedded),
        moving=_sample(mapped, MOST_MOVING, seed, "moving"),
        reel=_sample([record.id for record in usable], REEL, seed, "reel"),
    )


def _sample(videos: Sequence[str], most: int, seed: int, purpose: str) -> list[str]:
    """At most that many of the videos, in their order."""
    if len(videos) <= most:
        return list(videos)
    kept = generator(seed, "report", purpose).choice(len(videos), most, replace=False)
    return [videos[index] for index in sorted(kept)]


def _views(
    inputs: ReportInputs, chosen: Selection, previews: dict[str, Preview], tables: Sequence[ScoreTable]
) -> list[LabelView]:
    """One view per label that can judge, those with a score first; a nameless one where there are no labels."""
    labels = dict.fromkeys([*(table.label for table in tables), *inputs.manifest.label_names]) or [""]
    views = []
    for label in labels:
        classes = marks([previews[video].labels.get(label, "") for video in chosen.mapped])
        queries = gallery(chosen.queries, inputs.retrievals, previews, label)
        views.append(LabelView(label, queries, classes, {mark.value: mark for mark in classes}))
    return views


def _headlines(manifest: Manifest, tables: Sequence[ScoreTable]) -> list[Headline]:
    refused = len(manifest.refused)
    headlines = [
        Headline("Videos", f"{len(manifest):,}"),
        Headline("Usable", f"{len(manifest.usable):,}", note=f"{refused:,} refused" if refused else "none refused"),
    ]
    for table in tables:
        judged = [(row, row.cells[0]) for row in table.rows if row.cells and row.cells[0]]
        if judged:
            (baseline, before), (trained, after) = judged[0], judged[-1]
            compared = len(judged) > 1
            headlines.append(
                Headline(
                    name=f"R@{table.ks[0]} by {table.label}",
                    value=f"{after.percent:.1f} %",
                    before=f"{before.percent:.1f} %" if compared else "",
                    note=f"{baseline.encoder} → " * compared + f"{trained.encoder}; chance {trained.chance:.1f} %",
                )
            )
    return headlines


def _data(previews: dict[str, Preview], maps: Sequence[EmbeddingMap], curves: Sequence[Chart]) -> dict[str, Any]:
    """What the page's script needs to know; numbers stand for videos."""
    return {
        "videos": [{"id": each.id, "labels": each.labels, "reason": each.reason} for each in previews.values()],
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
            for chart in curves
        ],
    }
