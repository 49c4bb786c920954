"""The plan of a table or figure: the jobs it needs, and where each of its numbers will stand.

prepare ──▶ pretrain, one run for each row and seed ──▶ fine-tune and test, or retrieve ──▶ table, or figure
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from unreel.errors import SettingsError
from unreel.reproduction.jobs import Job, in_order
from unreel.reproduction.paper import PaperRow, PaperTable
from unreel.reproduction.scale import Reckoning, Scale, words_of
from unreel.reproduction.sources import Source

FIGURE_SUFFIXES = (".html", ".pdf")
PROTOCOL = "vcop"
"""The paper follows the clip-order paper in its retrieval (Sec. 4.3)."""


@dataclass(frozen=True)
class Plan:
    """What is to be run, in order, and the results by (row, data set, seed)."""

    table: PaperTable
    scale: Scale
    jobs: tuple[Job, ...]
    results: Mapping[tuple[str, str, int], Path]
    figures: tuple[Path, ...] = ()


@dataclass
class _Planner:
    table: PaperTable
    scale: Scale
    pretraining: Source
    judged: Mapping[str, Source]
    out: Path
    jobs: list[Job] = field(default_factory=list)

    def prepared(self, source: Source) -> tuple[Path, tuple[str, ...]]:
        """The prepared videos of a source, and the job that makes them."""
        if source.prepared:
            return source.folder, ()
        folder, name = self.out / "prepared" / source.name, f"prepare-{source.name}"
        options = [("layout", None if source.layout == "folder" else source.layout)]
        words = words_of([*options, ("group-pattern", source.group_pattern), ("side", self.scale.side)])
        self.jobs.append(
            Job(
                name,
                ("prepare", str(source.folder), str(folder), *words),
                folder / "manifest.parquet",
                size=source.size,
            )
        )
        return folder, (name,)

    def pretrained(self, row: PaperRow, seed: int) -> tuple[Path, tuple[str, ...]]:
        """The pretraining run of a row."""
        recipe, source = self.scale.recipe(row), self.pretraining
        folder, needs = self.prepared(source)
        name = f"pretrain-{recipe}-{seed}"
        out = self.out / "runs" / name
        official = source.layout != "folder"
        options = [
            ("recipe", recipe),
            ("out", out),
            ("seed", seed),
            ("steps", self.scale.steps_of(recipe, source.learnt)),
            ("split", "1" if official and source.learnt < source.videos else None),
            ("accelerator", self.scale.accelerator),
        ]
        reckoned = Reckoning(self.scale)
        words = ("pretrain", str(folder), *words_of(options), *self.scale.pretrain_options)
        work, size = reckoned.pretraining(recipe, source.learnt), 5 * reckoned.weights(recipe)
        self.jobs.append(Job(name, words, out / "weights.safetensors", needs, work, size))
        return out, (name,)

    def recognised(self, row: PaperRow, source: Source, seed: int) -> Path:
        """Fine-tuning and test from a row's weights."""
        recipe = self.scale.recipe(row)
        weights, needs = self.pretrained(row, seed)
        folder, more = self.prepared(source)
        name = f"finetune-{recipe}-{source.name}-{self._parts_name}-{seed}"
        out = self.out / "runs" / name
        official = source.layout != "folder"
        options = [
            ("out", out),
            ("split", self.table.splits if official else None),
            ("folds", None if official else self.scale.folds),
            ("seed", seed),
            ("steps", self.scale.tuning_steps),
            ("batch-size", self.scale.tuning_batch),
            ("accelerator", self.scale.accelerator),
        ]
        words = ("evaluate", "finetune", str(weights), str(folder), *words_of(options), *self.scale.finetune_options)
        parts = len(self.table.splits) if official else self.scale.folds
        reckoned = Reckoning(self.scale)
        work = reckoned.finetuning(recipe, source.videos, parts)
        self.jobs.append(
            Job(name, words, out / "finetune.json", (*needs, *more), work, 5 * parts * reckoned.weights(recipe))
        )
        return out / "finetune.json"

    def retrieved(self, row: PaperRow, source: Source, seed: int, *, untrained: bool) -> tuple[Path, str]:
        """Retrieval by a row's encoder, perhaps beside the same untrained."""
        recipe = self.scale.recipe(row)
        weights, needs = self.pretrained(row, seed)
        folder, more = self.prepared(source)
        name = f"retrieve-{recipe}-{source.name}-{'with-untrained-' if untrained else ''}{seed}"
        out = self.out / "runs" / name
        official = source.layout != "folder"
        options = [
            ("out", out),
            ("protocol", PROTOCOL),
            ("split", self.table.splits if official else None),
            ("accelerator", self.scale.accelerator),
        ]
        flag = () if untrained else ("--no-untrained",)
        words = ("evaluate", "retrieval", str(weights), str(folder), *words_of(options), *flag)
        work = Reckoning(self.scale).embedding(recipe, source.videos, 1 + untrained)
        self.jobs.append(Job(name, words, out / "retrieval.json", (*needs, *more), work))
        return out / "retrieval.json", name

    def drawn(self, found: Sequence[tuple[Path, str]], source: Source) -> tuple[Path, ...]:
        """The figure of several encoders' neighbours, as a page and for paper."""
        folder, _ = self.prepared(source)
        places = tuple(self.out / self.table.name / f"{self.table.name}{suffix}" for suffix in FIGURE_SUFFIXES)
        for place in places:
            words = ("figure", "retrieval", *(str(path.parent) for path, _ in found), "--folder", str(folder))
            options = words_of([("out", place), ("pick", "differing"), ("names", self._names)])
            needs = tuple(name for _, name in found)
            self.jobs.append(Job(f"draw-{self.table.name}{place.suffix}", (*words, *options), place, needs))
        return places

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(row.name.upper() for row in self.table.rows)

    @property
    def _parts_name(self) -> str:
        return f"folds{self.scale.folds}" if self.scale.small else "splits" + "".join(self.table.splits)


def plan(table: PaperTable, scale: Scale, pretraining: Source, judged: Mapping[str, Source], out: Path) -> Plan:
    """The plan of a table: what it needs of the pretraining videos and of the `judged` data sets."""
    planner = _Planner(table, scale, pretraining, judged, out)
    results: dict[tuple[str, str, int], Path] = {}
    figures: tuple[Path, ...] = ()
    for data in judged:
        if table.kind == "figure":
            found = [planner.retrieved(row, judged[data], scale.seeds[0], untrained=False) for row in table.rows]
            figures = planner.drawn(found, judged[data])
            continue
        for seed in scale.seeds:
            for row in table.rows:
                if table.kind == "recognition":
                    results[row.name, data, seed] = planner.recognised(row, judged[data], seed)
                else:
                    results[row.name, data, seed], _ = planner.retrieved(row, judged[data], seed, untrained=True)
    return Plan(table, scale, tuple(in_order(planner.jobs)), results, figures)


def restricted(table: PaperTable, rows: Sequence[str]) -> PaperTable:
    """The table with some of its rows only; all where none is named.

    Raises:
        SettingsError: it has no such row.
    """
    names = [row.name for row in table.rows]
    for unknown in [name for name in rows if name not in names]:
        raise SettingsError(f"{table.name} has no row {unknown!r} to run. Its rows are: {', '.join(names)}.")
    return replace(table, rows=tuple(row for row in table.rows if not rows or row.name in rows))
