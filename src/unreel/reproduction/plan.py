"""The plan of a table or figure: the jobs it needs, and where each of its numbers will stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from unreel.reproduction.budget import Budget
from unreel.reproduction.jobs import ReproductionJob, in_order
from unreel.reproduction.paper import PaperTable
from unreel.reproduction.planner import Planner
from unreel.reproduction.rows import PaperRow
from unreel.reproduction.sources import Source


@dataclass(frozen=True)
class ReproductionPlan:
    """What is to be run, in order; by (row, head of a column, seed) the results that a number is of.

    The first of the `sources` is pretrained on; `prepared` are the folders of the data sets that evaluate, `pretrained`
    the runs by (row, seed).
    """

    table: PaperTable
    budget: Budget
    sources: tuple[Source, ...]
    jobs: tuple[ReproductionJob, ...]
    results: Mapping[tuple[str, str, int], tuple[Path, ...]]
    prepared: Mapping[str, Path]
    pretrained: Mapping[tuple[str, int], Path]
    figures: tuple[Path, ...] = ()

    def has(self, row: PaperRow) -> bool:
        """Whether all results of a row are there."""
        return all(path.exists() for (name, _, _), paths in self.results.items() if name == row.name for path in paths)


def plan(
    table: PaperTable, budget: Budget, pretraining: Source, evaluated: Mapping[str, Source], out: Path
) -> ReproductionPlan:
    """The plan of a table: what it needs of the pretraining videos and of the `evaluated` data sets.

    Raises:
        SettingsError: settings make no sense with a recipe of the table.
    """
    planner = Planner(budget, pretraining, evaluated, out.absolute(), table.splits, table.watched)
    results = {
        (row.name, column.head, seed): column.plan(planner, row, seed)
        for row, seed in table.runs(budget.seeds)
        for column in table.columns
    }
    figures: tuple[Path, ...] = ()
    if table.drawn:
        shown = [results[row.name, table.heads[0], budget.seeds[0]][0] for row in table.ours]
        figures = planner.draw(table.name, shown, [row.labels[0] for row in table.ours])
    prepared = {data: planner.prepare(source)[0] for data, source in evaluated.items()}
    sources = tuple({source.name: source for source in (pretraining, *evaluated.values())}.values())
    jobs = in_order(planner.jobs)
    return ReproductionPlan(table, budget, sources, jobs, results, prepared, planner.pretrained, figures)
