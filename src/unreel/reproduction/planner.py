"""Plans the jobs of a table: the columns say how they evaluate, and the planner what these evaluations need.

prepare ──▶ pretrain, one run for each row and seed ──▶ evaluate, as the columns say ──▶ figure

    OUT/prepared/ucf101/                             shared by all tables and figures of one OUT
    OUT/runs/pretrain-hdc-seed0/
    OUT/runs/finetune-hdc-ucf101-split1-seed0/       finetune.json
    OUT/runs/retrieval-vcop-hdc-ucf101-split1-seed0/ retrieval.json
    OUT/figure1.html, .pdf
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from unreel.reproduction.budget import Budget, words_of
from unreel.reproduction.estimates import bytes_of_run, clips_learnt
from unreel.reproduction.jobs import Effort, ReproductionJob
from unreel.reproduction.rows import PaperRow
from unreel.reproduction.sources import Source
from unreel.settings.encoder import INPUT

FIGURE_SUFFIXES = (".html", ".pdf")


@dataclass(frozen=True)
class Evaluation:
    """`unreel evaluate VERB` with its options; `clips` as in `Effort`, `size` in bytes.

    Runs of it are called VERB-`way`-…-`part`.
    """

    verb: str
    words: tuple[str, ...]
    clips: float
    way: str = ""
    part: str = ""
    size: int = 0


@dataclass
class Planner:
    """Collects jobs, some of them several times; `watched`: the first of the `evaluated` is seen on the way, too."""

    budget: Budget
    pretraining: Source
    evaluated: Mapping[str, Source]
    out: Path
    splits: tuple[str, ...] = ()
    watched: bool = False
    jobs: list[ReproductionJob] = field(default_factory=list)
    pretrained: dict[tuple[str, int], Path] = field(default_factory=dict)

    def prepare(self, source: Source) -> tuple[Path, tuple[str, ...]]:
        """The prepared videos of a source, and the job that makes them."""
        if source.prepared:
            return source.folder, ()
        folder, name = self.out / "prepared" / source.name, f"prepare-{source.name}"
        options = {
            "layout": None if source.layout == "folder" else source.layout,
            "lists": source.lists,
            "group_pattern": source.group_pattern,
            "side": self.budget.side,
        }
        words = ("prepare", str(source.folder), str(folder), *words_of(options))
        effort = Effort(size=source.size)  # and as many bytes are left: sources are rarely smaller
        self.jobs.append(ReproductionJob(name, words, folder / "manifest.parquet", effort=effort, size=source.size))
        return folder, (name,)

    def pretrain(self, row: PaperRow, seed: int) -> tuple[Path, tuple[str, ...]]:
        """The pretraining run of a row, and its job; the run of scratch holds the weights it would begin with."""
        recipe, source = row.pretrained_by, self.pretraining
        settings = self.budget.pretraining(recipe, source.files)
        folder, needs = self.prepare(source)
        seen, more = self.prepare(next(iter(self.evaluated.values()))) if self.watched else (None, ())
        strict = self._strict(row)
        name = f"pretrain-{recipe}{strict}-seed{seed}"
        out = self.pretrained[row.name, seed] = self.out / "runs" / name
        options = {
            "recipe": recipe,
            "out": out,
            "seed": seed,
            "steps": settings.steps or None,
            "exclude": self.budget.exclude if strict else None,
            "knn_folder": seen,
        }
        words = ("pretrain", str(folder), *words_of(options), *self.budget.pretraining_words(recipe))
        self.jobs.append(
            ReproductionJob(
                name,
                words,
                out / "weights.safetensors",
                tuple(dict.fromkeys((*needs, *more))),
                self.budget.how,
                Effort(settings.encoder_settings, clips_learnt(settings)),
                bytes_of_run(settings.encoder_settings, settings.keep),
            )
        )
        return out, (name,)

    def evaluate(self, evaluation: Evaluation, row: PaperRow, data: str, seed: int) -> Path:
        """The result of an evaluation of a row's weights on a data set."""
        weights, needs = self.pretrain(row, seed)
        effort = Effort(self.budget.pretraining(row.pretrained_by).encoder_settings, evaluation.clips)
        recipe = f"{row.pretrained_by}{self._strict(row)}"
        return self._evaluate(evaluation, str(weights), data, (recipe, f"seed{seed}"), needs, effort)

    def evaluate_baseline(self, evaluation: Evaluation, row: PaperRow, data: str) -> Path:
        """The same of a baseline, shown the clips that others are shown; it takes no time but that of reading."""
        shown = self.budget.pretraining(row.pretrained_by).encoder_settings
        options = shown.model_dump(include=set(INPUT), exclude_defaults=True)
        evaluation = replace(evaluation, words=(*evaluation.words, *words_of(options)))
        return self._evaluate(evaluation, row.recipe, data, (row.recipe, ""), (), Effort())

    def _evaluate(
        self,
        evaluation: Evaluation,
        weights: str,
        data: str,
        names: tuple[str, str],
        needs: tuple[str, ...],
        effort: Effort,
    ) -> Path:
        """The result of an evaluation; `names` are the recipe and the seed as the run's name has them."""
        source, (recipe, seed) = self.evaluated[data], names
        folder, more = self.prepare(source)
        parts = (evaluation.verb, evaluation.way, recipe, source.name, evaluation.part, seed)
        out = self.out / "runs" / "-".join(filter(None, parts))
        # what is prepared here has its groups already
        options = words_of({"out": out, "group_pattern": source.group_pattern if source.prepared else None})
        words = ("evaluate", evaluation.verb, weights, str(folder), *options, *evaluation.words)
        result = out / f"{evaluation.verb}.json"
        self.jobs.append(
            ReproductionJob(out.name, words, result, (*needs, *more), self.budget.how, effort, evaluation.size)
        )
        return result

    def draw(self, name: str, results: Sequence[Path], names: Sequence[str]) -> tuple[Path, ...]:
        """The figure of several encoders' neighbours, as a page and for paper."""
        (source,) = self.evaluated.values()
        folder, _ = self.prepare(source)
        places = tuple(self.out / f"{name}{suffix}" for suffix in FIGURE_SUFFIXES)
        for place in places:
            words = ("figure", "retrieval", *(str(path.parent) for path in results), "--folder", str(folder))
            options = words_of({"out": place, "label": self.budget.label, "names": tuple(names)})
            needs = tuple(path.parent.name for path in results)
            self.jobs.append(ReproductionJob(f"draw-{place.name}", (*words, *options), place, needs))
        return places

    def _strict(self, row: PaperRow) -> str:
        """What names of runs say where some videos are not learnt from; scratch learns from none at all."""
        learns = self.budget.pretraining(row.pretrained_by).steps > 0
        return "-strict" if self.budget.exclude and learns else ""
