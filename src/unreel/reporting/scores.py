"""The retrieval tables of a report: every figure with its interval, its chance and what it was measured on.

An encoder measured on several splits has a row for each of them, and one for their mean.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from statistics import mean, stdev

from unreel.evaluation.results import Provenance, Retrieval, Score, split_text
from unreel.settings.encoder import BASELINES

AVERAGE_PRECISION = "mAP"


@dataclass(frozen=True)
class ScoreCell:
    """A figure in percent with its 95 % interval; `best` of its column where there is something to compare.

    The mean of several splits has their standard deviation as `spread`, and no interval.
    """

    percent: float
    low: float
    high: float
    best: bool
    spread: float | None = None


@dataclass(frozen=True)
class ScoreRow:
    """One encoder scored by one label; `cells` follow the columns of the table, None where one was not measured.

    `split` names the split where the encoder was measured on several; of the mean of these, `origin` is the first's.
    """

    encoder: str
    origin: Provenance
    queries: int
    chance: float
    cells: list[ScoreCell | None]
    purity: list[float | None]
    split: str = ""
    is_mean: bool = False


@dataclass(frozen=True)
class ScoreTable:
    """All encoders scored by one label: hit@k at the neighbours `ks`, mean average precision where it was measured.

    `purity_ks` are the numbers of neighbours of which the share of right ones is known.
    """

    label: str
    ks: list[int]
    has_precision: bool
    purity_ks: list[int]
    rows: list[ScoreRow]

    @property
    def columns(self) -> list[str]:
        """What the cells of a row are."""
        return [f"R@{k}" for k in self.ks] + [AVERAGE_PRECISION] * self.has_precision

    @property
    def final(self) -> list[ScoreRow]:
        """One row per encoder: of several splits their mean."""
        return [row for row in self.rows if row.is_mean or not row.split]


@dataclass(frozen=True)
class Setting:
    """What the figures of `encoders` were measured on; figures of different settings do not compare."""

    encoders: list[str]
    collection: str
    protocol: str
    split: str
    level: int | str
    seeds: list[int]

    @property
    def sentence(self) -> str:
        """All of it but the encoders, in one line; the collection by its folder's own name."""
        name, seeds = PurePath(self.collection).name, ", ".join(map(str, self.seeds))
        return f"{name}, protocol {self.protocol}, {split_text(self.split)}, level {self.level}, seed {seeds}"


def learnt_nothing(encoder: str) -> bool:
    """Whether an encoder of that name is there for comparison: untrained, or a baseline; its run may follow."""
    return encoder.split(" (")[0] == "untrained" or is_baseline(encoder)


def is_baseline(encoder: str) -> bool:
    """Whether there is nothing that an encoder of that name could learn; its run may follow."""
    return encoder.split(" (")[0] in BASELINES


def score_tables(retrievals: Sequence[Retrieval]) -> list[ScoreTable]:
    """One table per label, in the order in which the results name them."""
    labels = dict.fromkeys(score.label for retrieval in retrievals for score in retrieval.scores)
    return [_table(label, retrievals) for label in labels]


def first_of_each(retrievals: Sequence[Retrieval]) -> list[Retrieval]:
    """One result per encoder: the first, where it was measured on several splits."""
    return [group[0] for group in _by_encoder(retrievals)]


def _by_encoder(retrievals: Iterable[Retrieval]) -> list[list[Retrieval]]:
    """The results that differ in nothing but the split, together."""
    groups: dict[tuple[object, ...], list[Retrieval]] = {}
    for each in retrievals:
        origin = each.origin
        key = (origin.encoder, origin.checkpoint, origin.collection, origin.protocol, origin.level)
        groups.setdefault(key, []).append(each)
    return list(groups.values())


def _table(label: str, retrievals: Sequence[Retrieval]) -> ScoreTable:
    evaluated = [each for each in retrievals if any(score.label == label for score in each.scores)]
    scores = [each.score(label) for each in evaluated]
    ks = sorted({k for score in scores for k in score.hits})
    purity_ks = sorted({k for score in scores for k in score.purity})
    has_precision = any(score.outcomes for score in scores)
    rows: list[ScoreRow] = []
    for group in _by_encoder(evaluated):
        own = [
            ScoreRow(
                encoder=each.origin.encoder,
                origin=each.origin,
                queries=(score := each.score(label)).queries,
                chance=100 * score.chance,
                cells=[_hit(score, k) for k in ks] + [_precision(score)] * has_precision,
                purity=[_percent(score.purity.get(k)) for k in purity_ks],
                split=each.origin.split if len(group) > 1 else "",
            )
            for each in group
        ]
        rows += [*own, _mean(own)] if len(own) > 1 else own
    return ScoreTable(label, ks, has_precision, purity_ks, _mark_best(rows))


def _hit(score: Score, k: int) -> ScoreCell | None:
    if k not in score.hits:
        return None
    low, high = score.intervals.get(k, (score.hits[k], score.hits[k]))
    return ScoreCell(100 * score.hits[k], 100 * low, 100 * high, best=False)


def _precision(score: Score) -> ScoreCell | None:
    if not score.outcomes:
        return None
    low, high = score.average_precision_interval
    return ScoreCell(100 * score.average_precision, 100 * low, 100 * high, best=False)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _mean(rows: Sequence[ScoreRow]) -> ScoreRow:
    """The mean of an encoder's rows, of what all of them have."""
    cells: list[ScoreCell | None] = []
    for column in zip(*(row.cells for row in rows), strict=True):
        known = [cell.percent for cell in column if cell]
        whole = len(known) == len(rows)
        cells.append(ScoreCell(at := mean(known), at, at, best=False, spread=stdev(known)) if whole else None)
    purity = [
        mean(column) if None not in column else None for column in zip(*(row.purity for row in rows), strict=True)
    ]
    return replace(
        rows[0],
        queries=sum(row.queries for row in rows),
        chance=mean(row.chance for row in rows),
        cells=cells,
        purity=purity,
        split=f"mean of {len(rows)} splits",
        is_mean=True,
    )


def _mark_best(rows: list[ScoreRow]) -> list[ScoreRow]:
    """The rows with the best cell of each column marked, among those of one split."""
    marked = []
    for row in rows:
        rivals = [other for other in rows if other.split == row.split]
        best = [
            max((cell.percent for cell in column if cell), default=0.0)
            for column in zip(*(r.cells for r in rivals), strict=True)
        ]
        cells = [
            replace(cell, best=len(rivals) > 1 and cell.percent == top) if cell else None
            for cell, top in zip(row.cells, best, strict=True)
        ]
        marked.append(replace(row, cells=cells))
    return marked


def settings(retrievals: Sequence[Retrieval]) -> list[Setting]:
    """The distinct settings behind the figures: one, where everything compares. Seeds make no difference,

    nor does the level of a baseline, which has one only.
    """
    groups: dict[tuple[str, str, str, int | str], list[Provenance]] = {}
    for results in sorted(_by_encoder(retrievals), key=lambda each: is_baseline(each[0].origin.encoder)):
        first, splits = results[0].origin, ", ".join(each.origin.split for each in results)
        place = (first.collection, first.protocol, splits)
        same = next((key for key in groups if key[:3] == place), None) if is_baseline(first.encoder) else None
        groups.setdefault(same or (*place, first.level), []).append(first)
    return [
        Setting([each.encoder for each in group], *key, sorted({each.seed for each in group}))
        for key, group in groups.items()
    ]
