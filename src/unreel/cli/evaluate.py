"""`unreel evaluate retrieval` and `unreel evaluate linear`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from pydantic import Field, PositiveInt
from rich.console import Console
from rich.table import Table

from unreel.cli.parsing import parse
from unreel.errors import SettingsError
from unreel.settings.model import Settings

if TYPE_CHECKING:
    from unreel.checkpoint import LoadedEncoder
    from unreel.evaluation.judgement import Judgement
    from unreel.evaluation.linear import LinearProbe
    from unreel.evaluation.results import Retrieval
    from unreel.video.manifest import Manifest

KINDS = ("retrieval", "linear")
HELP = """usage: unreel evaluate KIND RUN FOLDER --out OUT [OPTIONS]

  retrieval  nearest-neighbour retrieval: R@1, 5, 10, 20, 50 with intervals, and every query's hits
  linear     accuracy of a linear classifier on frozen features

The same encoder untrained is judged beside it. `unreel evaluate KIND --help` explains all options."""


class Evaluate(Settings):
    """Judge a pretrained encoder on a labelled folder, beside the same encoder untrained.

    Labels come from sub-folders or labels.csv. Every video is judged against all others; with --group-pattern
    against those of other groups only.
    """

    run: tyro.conf.Positional[Path]
    """Run folder, or one weights file."""
    folder: tyro.conf.Positional[Path]
    """Folder of videos, or of prepared videos; an unprepared one is prepared on the way."""
    out: Path
    """Folder for the results (retrieval.json or linear.json)."""
    protocol: Literal["gap", "centred"] = "gap"
    """gap: mean over clips of the global average, cosine; centred: the same less the mean of all videos."""
    level: Literal[3, 4, 5] = 5
    """Block of the encoder whose features are judged."""
    clips: PositiveInt = 10
    """Equally spaced clips per video."""
    group_pattern: str | None = None
    """Regular expression whose first group, found in a video's path, names its group (person, source)."""
    untrained: bool = True
    """Judge the same encoder before its first step too."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    loader_workers: Annotated[int, Field(ge=0)] | None = None
    """Processes that decode; none given: chosen by the size of the collection."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP)
        return
    kind = arguments[0]
    if kind not in KINDS:
        raise SettingsError(f"got evaluate {kind!r}, expected one of: {', '.join(KINDS)}. See unreel evaluate --help")
    run(kind, parse(Evaluate, f"evaluate {kind}", arguments[1:]))


def run(kind: str, settings: Evaluate) -> None:
    """Judge, print and write."""
    from unreel.checkpoint import load_encoder, untrained_encoder
    from unreel.engine.device import device
    from unreel.engine.outputs import check_free
    from unreel.evaluation.judgement import Judgement
    from unreel.evaluation.results import write_retrievals
    from unreel.video.options import PrepareOptions
    from unreel.video.prepare import prepared

    target = settings.out / f"{kind}.json"
    check_free(target)
    trained = load_encoder(settings.run)
    options = PrepareOptions(trained.settings.prepared_side, group_pattern=settings.group_pattern)
    manifest = prepared(settings.folder, options)
    where = str(device(settings.accelerator))
    judgement = Judgement(settings.level, settings.clips, settings.protocol, where, settings.loader_workers)
    encoders = [untrained_encoder(trained), trained] if settings.untrained else [trained]
    settings.out.mkdir(parents=True, exist_ok=True)
    if kind == "retrieval":
        retrievals = [_retrieval(judgement, encoder, manifest) for encoder in encoders]
        write_retrievals(target, retrievals)
        print_retrievals(retrievals)
    else:
        probes = {encoder.name: _linear(judgement, encoder, manifest) for encoder in encoders}
        target.write_text(
            json.dumps({name: [asdict(probe) for probe in each] for name, each in probes.items()}, indent=1)
        )
        print_probes(probes, settings.level)
    print(f"written to {target}")


def print_retrievals(retrievals: Sequence["Retrieval"]) -> None:
    """One table per label."""
    if not retrievals[0].scores:
        print("no label to judge by (no two videos share one): the neighbours of every video are written, unjudged")
    print(f"collection: {retrievals[0].collection}")
    for label in [score.label for score in retrievals[0].scores]:
        first, score = retrievals[0], retrievals[0].score(label)
        chance = f"chance {score.chance:.1%}, {score.queries} queries"
        table = Table(
            title=f"retrieval by {label}: {first.protocol}, level {first.level}, {first.split}",
            caption=f"percent of queries; R@1 within: 95 % interval; {chance}",
        )
        for name in ("encoder", *(f"R@{k}" for k in score.hits), "R@1 within", "seen"):
            table.add_column(name, justify="left" if name == "encoder" else "right", no_wrap=True)
        for each in retrievals:
            score = each.score(label)
            low, high = score.intervals[1]
            figures = [f"{100 * share:.1f}" for share in score.hits.values()]
            within = f"{100 * low:.1f}–{100 * high:.1f}"
            table.add_row(each.encoder, *figures, within, f"{each.seen} of {each.expected}")
        Console().print(table)


def print_probes(probes: dict[str, list["LinearProbe"]], level: int) -> None:
    """One table for all labels and encoders."""
    table = Table("encoder", "label", "accuracy", "videos", "folds", title=f"linear probe of level {level}")
    for name, each in probes.items():
        for probe in each:
            table.add_row(
                name, probe.label, f"{probe.accuracy:.1%}", str(probe.videos), f"{probe.folds}, {probe.split}"
            )
    Console().print(table)


def _retrieval(judgement: "Judgement", encoder: "LoadedEncoder", manifest: "Manifest") -> "Retrieval":
    return judgement.retrieval(encoder, manifest, judgement.features(encoder, manifest))


def _linear(judgement: "Judgement", encoder: "LoadedEncoder", manifest: "Manifest") -> list["LinearProbe"]:
    return judgement.linear(encoder, manifest, judgement.features(encoder, manifest))
