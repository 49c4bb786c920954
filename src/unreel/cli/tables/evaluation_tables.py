"""What `unreel evaluate` shows: tables of percent, what was seen of what was expected, and what was not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from unreel.cli.tables.collection_summary import print_reasons
from unreel.console import Table, say, show
from unreel.evaluation.classification import Classification
from unreel.evaluation.comparison import Comparison
from unreel.evaluation.finetune_results import Finetuned, PartResult
from unreel.evaluation.results import ClassScore, Provenance, Retrieval, Score, split_text
from unreel.text import excerpt, unbroken


@dataclass(frozen=True)
class EncoderScores:
    """The figures (0 to 1) of one encoder on one split by one label; `within` is the interval of the first.

    `classes` has the cells of a table with a row for every class.
    """

    origin: Provenance
    figures: dict[str, float]
    within: tuple[float, float]
    classes: dict[str, dict[str, str]]


def print_retrievals(retrievals: Sequence[Retrieval], *, classes: bool = False) -> None:
    """One table per label; the last is the one that others are evaluated beside."""
    first = retrievals[-1].origin
    say(f"collection: {unbroken(first.collection)}")
    labels = dict.fromkeys(score.label for each in retrievals for score in each.scores)
    if not labels:
        say("no label to evaluate by (no two videos share one): the neighbours of every video are written, unscored")
    for label in labels:
        evaluated = [(each, score) for each in retrievals for score in each.scores if score.label == label]
        queries, chances = ({f"{what(score)}" for _, score in evaluated} for what in (_queries, _chance))
        _print_lines(
            f"retrieval by {label}: {first.protocol}, level {first.level}",
            f"percent of {' or '.join(sorted(queries))} queries; mAP: mean average precision; chance of R@1: "
            f"{' or '.join(sorted(chances))}",
            [_line(each, score) for each, score in evaluated],
            classes=classes,
        )
    _print_missing([each.origin for each in retrievals])


def print_classifications(results: Sequence[Classification], *, classes: bool = False) -> None:
    """One table per label; the last is the one that others are evaluated beside."""
    first = results[-1]
    say(f"collection: {unbroken(first.origin.collection)}")
    method = {"knn": "nearest neighbours", "linear": "linear classifier"}[first.method]
    for label in dict.fromkeys(each.label for each in results):
        evaluated = [each for each in results if each.label == label]
        counts = sorted({f"{each.videos}" for each in evaluated})
        _print_lines(
            f"{method} by {label}: {first.origin.protocol}, level {first.origin.level}",
            f"percent of {' or '.join(counts)} test videos",
            [
                EncoderScores(
                    each.origin,
                    each.accuracies,
                    next(iter(each.intervals.values())),
                    {name: _percents(figures) for name, figures in each.classes.items()},
                )
                for each in evaluated
            ],
            classes=classes,
        )
    _print_missing([each.origin for each in results])


def print_comparison(first: Retrieval, second: Retrieval, found: Comparison) -> None:
    """Both encoders on the same queries, and how sure the difference is."""
    for name, each in (("first", first.origin), ("second", second.origin)):
        encoder = f"{excerpt(each.encoder)} ({excerpt(each.checkpoint)})"
        say(f"{name}: {encoder}, {each.protocol}, level {each.level}, seen {seen(each)}")
    table = Table(
        f"by {found.label}, {split_text(first.origin.split)}: {found.queries:,} queries",
        ["percent", "first", "second", "difference", "95 % within", "p"],
        [
            f"gained {found.gained} queries, lost {found.lost}; p over queries, not over seeds of training: exact "
            f"McNemar test (R@{found.k}), changes of sign (mAP)"
        ],
    )
    table.add(
        f"R@{found.k}",
        *map(_percent, found.hits),
        _signed(found.hit_difference),
        _within(found.hit_interval, signed=True),
        f"{found.hit_p_value:.2g}",
    )
    table.add(
        "mAP",
        *map(_percent, found.precisions),
        _signed(found.precision_difference),
        _within(found.precision_interval, signed=True),
        f"{found.precision_p_value:.2g}",
    )
    show(table)
    if found.left_out:
        say(f"  left out: {found.left_out} queries that only one of them has answered (!)")


def seen(origin: Provenance | Finetuned | PartResult) -> str:
    """How many videos took part; fewer than expected are marked."""
    mark = " (!)" if origin.seen < origin.expected else ""
    return f"{origin.seen:,} of {origin.expected:,}{mark}"


def _queries(score: Score) -> str:
    return f"{score.queries:,}"


def _chance(score: Score) -> str:
    return f"{score.chance:.1%}"


def _line(retrieval: Retrieval, score: Score) -> EncoderScores:
    def figures(of: Score | ClassScore) -> dict[str, float]:
        return {f"R@{k}": share for k, share in of.hits.items()} | {"mAP": of.average_precision}

    classes = {name: {"queries": f"{of.queries:,}", **_percents(figures(of))} for name, of in score.classes.items()}
    return EncoderScores(retrieval.origin, figures(score), score.intervals[1], classes)


def _print_lines(title: str, caption: str, lines: Sequence[EncoderScores], *, classes: bool) -> None:
    """A table of all, one of their means over splits where there are several, and one for each line's classes."""
    columns = [name for name in lines[0].figures if all(name in line.figures for line in lines)]
    splits = list(dict.fromkeys(line.origin.split for line in lines))
    head = ["encoder", "split"] if len(splits) > 1 else ["encoder"]
    table = Table(
        title if len(splits) > 1 else f"{title}, {split_text(splits[0])}",
        [*head, *columns, f"{columns[0]} within", "seen"],
        [f"{caption}; within: 95 % interval"],
    )
    for line in lines:
        names = [line.origin.encoder, line.origin.split][: len(head)]
        figures = (_percent(line.figures[name]) for name in columns)
        table.add(*names, *figures, _within(line.within), seen(line.origin))
    show(table)
    if len(splits) > 1:
        _print_means(title, columns, lines, splits)
    if classes:
        for line in lines:
            _print_classes(line)


def _print_means(title: str, columns: Sequence[str], lines: Sequence[EncoderScores], splits: Sequence[str]) -> None:
    caption = f"mean ± standard deviation over the splits {', '.join(splits)}"
    table = Table(title, ["encoder", *columns], [caption])
    for encoder in dict.fromkeys(line.origin.encoder for line in lines):
        own = [line for line in lines if line.origin.encoder == encoder]
        values = [[100 * line.figures[name] for line in own] for name in columns]
        mark = " (!)" if any(line.origin.seen < line.origin.expected for line in own) else ""
        if len(own) > 1:
            table.add(f"{encoder}{mark}", *(f"{mean(each):.1f} ± {stdev(each):.1f}" for each in values))
    show(table)


def _print_classes(line: EncoderScores) -> None:
    first = next(iter(line.classes.values()))
    table = Table(
        f"{line.origin.encoder}, {split_text(line.origin.split)}", ["class", *first], ["percent of each class"]
    )
    for name, figures in line.classes.items():
        table.add(name, *figures.values())
    show(table)


def _print_missing(origins: Sequence[Provenance]) -> None:
    """How many videos of each side were not seen, and the first of them with the reason, each thing once."""
    printed: set[object] = set()
    for origin in origins:
        counts = (
            f"(!) {split_text(origin.split)}: seen {origin.seen:,} of {origin.expected:,} videos, "
            f"gallery {origin.gallery_seen:,} of {origin.gallery_expected:,}, "
            f"queries {origin.queries_seen:,} of {origin.queries_expected:,}"
        )
        if origin.missing and counts not in printed:
            say(counts)
        names = sorted(origin.missing)
        if names and tuple(names) not in printed:
            print_reasons({name: origin.missing[name] for name in names})
        printed |= {counts, tuple(names)}


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _percents(figures: Mapping[str, float]) -> dict[str, str]:
    return {name: _percent(share) for name, share in figures.items()}


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}"


def _within(interval: tuple[float, float], *, signed: bool = False) -> str:
    show = _signed if signed else _percent
    return " to ".join(map(show, interval)) if signed else "–".join(map(show, interval))
