"""The plan of a table or figure: the jobs it needs, and where each of its numbers will stand.

prepare ──▶ pretrain, one run for each row and seed ──▶ fine-tune and test on each split, or retrieve ──▶ figure

    OUT/prepared/ucf101/                          shared by all tables and figures of one OUT
    OUT/runs/pretrain-hdc-seed0/
    OUT/runs/finetune-hdc-ucf101-split1-seed0/    finetune.json
    OUT/runs/retrieve-hdc-c3d-ucf101-split1-seed0/   retrieval.json
    OUT/figure1.html, .pdf
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from unreel.evaluation.finetune_results import RESULT
from unreel.reproduction.budget import FINETUNE_WORDS, SMALL_WORDS, Budget, words_of
from unreel.reproduction.estimates import bytes_of_run, clips_embedded, clips_learnt, prepared_size
from unreel.reproduction.jobs import Effort, ReproductionJob, in_order
from unreel.reproduction.paper import PaperRow, PaperTable
from unreel.reproduction.sources import Source

FIGURE_SUFFIXES = (".html", ".pdf")
FROZEN = (("linear", "gap"), ("retrieval", "gap"), ("retrieval", "centred"), ("retrieval", "vcop"))
"""Evaluations of `evidence` and their protocols."""
PROTOCOL = "vcop"
"""The paper follows the clip-order paper in its retrieval (Sec. 4.3)."""


@dataclass(frozen=True)
class ReproductionPlan:
    """What is to be run, in order; by (row, data set, seed) the results: one of each split, one of each column of
    `evidence`, or a single one."""

    table: PaperTable
    scale: Budget
    sources: tuple[Source, ...]
    jobs: tuple[ReproductionJob, ...]
    results: Mapping[tuple[str, str, int], tuple[Path, ...]]
    pretrained: Mapping[tuple[str, int], Path]
    figures: tuple[Path, ...] = ()


@dataclass
class _Planner:
    """`watched` are labelled videos that evaluate pretraining on the way."""

    table: PaperTable
    scale: Budget
    pretraining: Source
    out: Path
    watched: Source | None = None
    jobs: list[ReproductionJob] = field(default_factory=list)
    pretrained: dict[tuple[str, int], Path] = field(default_factory=dict)

    def prepared(self, source: Source) -> tuple[Path, tuple[str, ...]]:
        """The prepared videos of a source, and the job that makes them."""
        if source.prepared:
            return source.folder, ()
        folder, name = self.out / "prepared" / source.name, f"prepare-{source.name}"
        words = words_of(
            [
                ("layout", None if source.layout == "folder" else source.layout),
                ("lists", source.lists),
                ("include", source.include),
                ("group-pattern", source.group_pattern),
                ("side", self.scale.side),
            ]
        )
        self.jobs.append(
            ReproductionJob(
                name,
                ("prepare", str(source.folder), str(folder), *words),
                folder / "manifest.parquet",
                effort=Effort(size=source.size),
                size=prepared_size(source.size),
            )
        )
        return folder, (name,)

    def trained(self, row: PaperRow, seed: int) -> tuple[Path, tuple[str, ...]]:
        """The pretraining run of a row; that of scratch holds the weights it would begin with."""
        recipe, source = self.scale.recipe(row), self.pretraining
        settings = self.scale.pretraining(recipe, source.files)
        folder, needs = self.prepared(source)
        seen, more = self.prepared(self.watched) if self.watched else (None, ())
        strict = self._strict(recipe)
        name = f"pretrain-{recipe}{strict}-seed{seed}"
        out = self.out / "runs" / name
        words = words_of(
            [
                ("recipe", recipe),
                ("out", out),
                ("seed", seed),
                ("steps", settings.steps or None),
                ("exclude", self.scale.exclude if strict else None),
                ("knn-folder", seen),
            ]
        )
        words += (*(SMALL_WORDS if self.scale.family == "small" else ()), *self.scale.pretrain_words)
        effort = Effort(settings.encoder_settings, clips_learnt(settings))
        self.jobs.append(
            ReproductionJob(
                name,
                ("pretrain", str(folder), *words),
                out / "weights.safetensors",
                tuple(dict.fromkeys((*needs, *more))),
                self.scale.how,
                effort,
                bytes_of_run(settings.encoder_settings, settings.keep),
            )
        )
        self.pretrained[row.name, seed] = out
        return out, (name,)

    def recognised(self, row: PaperRow, source: Source, seed: int) -> tuple[Path, ...]:
        """Fine-tuning and test from a row's weights: a job for each split, or one for all folds."""
        if self.table.splits:
            return tuple(self._finetuned(row, source, seed, split) for split in self.table.splits)
        return (self._finetuned(row, source, seed, None),)

    def _finetuned(self, row: PaperRow, source: Source, seed: int, split: str | None) -> Path:
        recipe, settings = self.scale.recipe(row), self.scale.finetuning
        weights, needs = self.trained(row, seed)
        folder, more = self.prepared(source)
        part = f"split{split}" if split else f"folds{self.scale.folds}"
        name = f"finetune-{recipe}{self._strict(recipe)}-{source.name}-{part}-seed{seed}"
        out = self.out / "runs" / name
        words = words_of(
            [
                ("out", out),
                ("split", split),
                ("folds", None if split else self.scale.folds),
                ("seed", seed),
                ("steps", settings.steps),
                ("batch-size", None if "batch_size" in self.scale.finetune_changes else settings.batch_size),
                ("label", self.scale.label),
                ("group-pattern", _own_groups(source)),
                ("allow-leaks", self.scale.allow_leaks),
            ]
        )
        own = FINETUNE_WORDS.get(self.scale.family, ())
        encoder = self.scale.pretraining(recipe, 1).encoder_settings
        parts = 1 if split else self.scale.folds
        clips = settings.steps * settings.batch_size * parts + clips_embedded(_tested(source, split))
        self.jobs.append(
            ReproductionJob(
                name,
                ("evaluate", "finetune", str(weights), str(folder), *words, *own, *self.scale.finetune_words),
                out / RESULT,
                (*needs, *more),
                self.scale.how,
                Effort(encoder, clips),
                parts * bytes_of_run(encoder, settings.keep),
            )
        )
        return out / RESULT

    def retrieved(self, row: PaperRow, source: Source, seed: int) -> tuple[Path, str]:
        """Retrieval by a row's encoder, for a table beside the same untrained, and the job's name."""
        alone = self.table.kind == "figure"
        part = "".join(f"-split{split}" for split in self.table.splits[:1])
        name = f"retrieve-{'trained-' if alone else ''}{self.scale.recipe(row)}-{source.name}{part}-seed{seed}"
        return self._frozen("retrieval", PROTOCOL, name, row, source, seed), name

    def evaluated(self, row: PaperRow, source: Source, seed: int) -> tuple[Path, ...]:
        """All that scores a row in `evidence`: fine-tuning, then its frozen features, in that table's columns."""
        (tuned,) = self.recognised(row, source, seed)
        recipe = self.scale.recipe(row)
        end = f"{recipe}{self._strict(recipe)}-{source.name}-seed{seed}"
        frozen = [
            self._frozen(kind, protocol, f"{kind}-{protocol}-{end}", row, source, seed) for kind, protocol in FROZEN
        ]
        return (tuned, *frozen)

    def _frozen(self, kind: str, protocol: str, name: str, row: PaperRow, source: Source, seed: int) -> Path:
        """An evaluation of a row's encoder as it is, in tables of retrieval beside the same untrained."""
        recipe, alone = self.scale.recipe(row), self.table.kind != "retrieval"
        weights, needs = self.trained(row, seed)
        folder, more = self.prepared(source)
        out = self.out / "runs" / name
        words = words_of(
            [
                ("out", out),
                ("protocol", protocol),
                ("split", self.table.splits[:1]),
                ("group-pattern", _own_groups(source)),
            ]
        )
        encoder = self.scale.pretraining(recipe, 1).encoder_settings
        self.jobs.append(
            ReproductionJob(
                name,
                ("evaluate", kind, str(weights), str(folder), *words, *(("--no-untrained",) if alone else ())),
                out / f"{kind}.json",
                (*needs, *more),
                self.scale.how,
                Effort(encoder, (1 if alone else 2) * clips_embedded(source.files, crops=1)),
            )
        )
        return out / f"{kind}.json"

    def _strict(self, recipe: str) -> str:
        """What names of runs say where some videos are not learnt from; scratch learns from none at all."""
        learns = self.scale.pretraining(recipe, 1).steps > 0
        return "-strict" if self.scale.exclude and learns else ""

    def drawn(self, found: Sequence[tuple[Path, str]], source: Source) -> tuple[Path, ...]:
        """The figure of several encoders' neighbours, as a page and for paper."""
        folder, _ = self.prepared(source)
        places = tuple(self.out / f"{self.table.name}{suffix}" for suffix in FIGURE_SUFFIXES)
        for place in places:
            words = ("figure", "retrieval", *(str(path.parent) for path, _ in found), "--folder", str(folder))
            names = tuple(row.labels[0] for row in self.table.ours)
            options = words_of([("out", place), ("label", self.scale.label), ("names", names)])
            needs = tuple(name for _, name in found)
            self.jobs.append(ReproductionJob(f"draw-{place.name}", (*words, *options), place, needs))
        return places


def plan(
    table: PaperTable, scale: Budget, pretraining: Source, evaluated: Mapping[str, Source], out: Path
) -> ReproductionPlan:
    """The plan of a table: what it needs of the pretraining videos and of the `evaluated` data sets.

    Raises:
        SettingsError: settings make no sense with a recipe of the table.
    """
    watched = next(iter(evaluated.values())) if table.kind == "evidence" else None
    planner = _Planner(table, scale, pretraining, out.absolute(), watched)
    results: dict[tuple[str, str, int], tuple[Path, ...]] = {}
    figures: tuple[Path, ...] = ()
    for data, source in evaluated.items():
        for seed in scale.seeds:
            found = []
            for row in table.ours:
                if table.kind == "recognition":
                    results[row.name, data, seed] = planner.recognised(row, source, seed)
                elif table.kind == "evidence":
                    results[row.name, data, seed] = planner.evaluated(row, source, seed)
                else:
                    found.append(planner.retrieved(row, source, seed))
                    results[row.name, data, seed] = (found[-1][0],)
            if table.kind == "figure" and seed == scale.seeds[0]:
                figures = planner.drawn(found, source)
    sources = tuple({source.name: source for source in (pretraining, *evaluated.values())}.values())
    return ReproductionPlan(table, scale, sources, in_order(planner.jobs), results, planner.pretrained, figures)


def _own_groups(source: Source) -> str | None:
    """The pattern that finds groups in what was prepared without it; what is prepared here has them already."""
    return source.group_pattern if source.prepared else None


def _tested(source: Source, split: str | None) -> int:
    """How many videos a test sees: those of the test part, or of all folds together."""
    return (source.parts or {}).get(split, {}).get("test", 0) if split else source.files
