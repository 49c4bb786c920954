"""`unreel evaluate`: retrieval, k-NN and linear probe of frozen features, recognition, and two results compared."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from pydantic import Field, model_validator

from unreel.cli.inputs.labelled import LabelledSettings
from unreel.cli.inputs.parsing import parse
from unreel.console import explain, say
from unreel.errors import CollectionError, SettingsError
from unreel.settings.encoder import BASELINES, EncoderSettings, InputChoice
from unreel.settings.model import Clips, Count, PositiveCount, Seed, Settings, validated
from unreel.text import unbroken

if TYPE_CHECKING:
    from unreel.checkpoint import LoadedEncoder
    from unreel.evaluation.evaluator import Evaluator
    from unreel.evaluation.features import Features
    from unreel.evaluation.results import Retrieval
    from unreel.evaluation.splits import Split
    from unreel.video.collection.manifest import Manifest

FROZEN = ("retrieval", "knn", "linear")
RECOGNITION = ("test", "finetune")
KINDS = (*FROZEN, "compare", *RECOGNITION)
HELP = """usage: unreel evaluate KIND RUN FOLDER --out OUT [OPTIONS]

  retrieval  nearest-neighbour retrieval: R@1, 5, 10, 20, 50 with intervals, mean average precision, every query's hits
  knn        classification by the 1, 5 and 20 nearest videos
  linear     classification by a linear classifier on frozen features
  test       recognition by a fine-tuned classifier: every clip, five crops
  finetune   fine-tune on each split and test

The same encoder untrained is evaluated beside it, with --baselines also three that learn nothing, whose names can stand
for RUN: motion-map, mean-frame, colour-histogram. Two results on the same queries:

  unreel evaluate compare A/retrieval.json B/retrieval.json

`unreel evaluate KIND --help` explains all options."""


class EvaluateSettings(LabelledSettings):
    """Evaluate a pretrained encoder on labelled videos, beside the same encoder untrained.

    Labels come from where --labels says, or from official lists. With --split the train part is the gallery, or learnt
    from, and the test part has the queries. Otherwise every video is evaluated against all others, with groups against
    those of other groups only; or --division holds some out.
    """

    out: Path
    """Folder for the results (retrieval.json, knn.json or linear.json)."""
    protocol: Literal["gap", "centred", "vcop"] = "gap"
    """gap: mean over clips of the global average; centred: the same less the mean of gallery or queries; vcop: frames
    of 128×171, maximum of 2×2 cells, flattened, mean over clips. All compare by the cosine."""
    level: Count | str | None = None
    """Block of the encoder whose features are evaluated; default: the last."""
    clips: Clips | None = None
    """Clips per video; default: those of the protocol, 10."""
    drop_last: Count = 0
    """Leave out the last videos of gallery and of queries that fill no batch of so many: vcop's code has 8."""
    division: Literal["leave-one-out", "random", "groups"] = "leave-one-out"
    """Without a split: every video against all others, or hold out a share of the videos, or of the groups."""
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Share of the videos that --division random or groups holds out."""
    seed: Seed = 0
    """Draws which they are."""
    untrained: bool = True
    """Evaluate the same encoder before its first step too."""
    baselines: bool = False
    """Evaluate motion-map, mean-frame and colour-histogram too, which learn nothing, on the clips that RUN is shown."""
    shown: tyro.conf.OmitArgPrefixes[InputChoice] = InputChoice()
    """Which clips motion-map, mean-frame or colour-histogram is shown where its name stands for RUN; the weights of
    others say it."""
    classes: bool = False
    """Show the figures of every class; the file has them always."""

    @model_validator(mode="after")
    def _one_way_to_divide(self) -> "EvaluateSettings":
        if self.split and self.division != "leave-one-out":
            raise ValueError(
                f"split is {', '.join(self.split)} and division is {self.division}, expected one of them: both say "
                "which videos are queries; take one away"
            )
        if self.drop_last and not self.split and self.division == "leave-one-out":
            raise ValueError(
                f"drop_last is {self.drop_last}, but there is no gallery apart from the queries to drop from; name a "
                "split, or drop none"
            )
        return self


class CompareSettings(Settings):
    """Compare two results of `unreel evaluate retrieval` query by query: does the difference hold over the queries?

    Another seed of training is not tested: for that compare several runs of each.
    """

    first: tyro.conf.Positional[Path]
    """One retrieval.json."""
    second: tyro.conf.Positional[Path]
    """Another, of the same splits of the same collection; or the same, with --encoders."""
    encoders: tuple[str, str] | None = None
    """Names of the encoder to take from each; default: the last one of each."""
    label: str | None = None
    """Label that scores; default: each that both have."""
    k: PositiveCount = 1
    """Compare hit@k, beside the mean average precision."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    if not arguments or arguments[0] in ("-h", "--help"):
        explain(HELP)
        return
    kind = arguments[0]
    if kind in RECOGNITION:
        import_module("unreel.cli.evaluate_recognition").main(kind, arguments[1:])
    elif kind == "compare":
        compare(parse(CompareSettings, "evaluate compare", arguments[1:]))
    elif kind in FROZEN:
        run(kind, parse(EvaluateSettings, f"evaluate {kind}", arguments[1:]))
    else:
        raise SettingsError(f"got evaluate {kind!r}, expected one of: {', '.join(KINDS)}. See unreel evaluate --help")


def run(kind: str, settings: EvaluateSettings) -> None:
    """Evaluate, print and write."""
    from unreel.cli.tables.collection_summary import labels_line
    from unreel.cli.tables.evaluation_tables import print_classifications, print_retrievals
    from unreel.engine.device import device
    from unreel.engine.files import check_free
    from unreel.evaluation.classification import write_classifications
    from unreel.evaluation.evaluator import Evaluator
    from unreel.evaluation.results import write_retrievals

    target = settings.out / f"{kind}.json"
    check_free(target)
    where = device(settings.accelerator)
    encoder = _encoder(settings)
    manifest = settings.manifest(encoder.settings.prepared_side)
    say(labels_line(manifest).lstrip())
    evaluator = Evaluator(
        settings.level,
        settings.clips,
        settings.protocol,
        str(where),
        settings.loader_workers,
        settings.drop_last,
    )
    work = [(replace(evaluator, level=None), each) for each in _baselines(settings, encoder)]
    work += [(evaluator, each) for each in _untrained(settings, encoder)]
    embedded = _embedded([*work, (evaluator, encoder)], manifest, _splits(settings, manifest))
    if kind == "retrieval":
        retrievals = [own.retrieval(each, manifest, found, split) for own, each, found, split in embedded]
        write_retrievals(target, retrievals)
        print_retrievals(retrievals, classes=settings.classes)
    else:
        results = [
            result
            for own, each, found, split in embedded
            for result in (own.knn if kind == "knn" else own.linear)(each, manifest, found, split)
        ]
        write_classifications(target, results)
        print_classifications(results, classes=settings.classes)
    say(f"written to {unbroken(target)}")


def compare(settings: CompareSettings) -> None:
    """Compare what two files hold, split by split and label by label."""
    from unreel.cli.tables.evaluation_tables import print_comparison
    from unreel.evaluation import comparison
    from unreel.evaluation.results import read_retrievals

    names = settings.encoders or (None, None)
    paths = (settings.first, settings.second)
    first, second = (_by_split(path, read_retrievals(path), name) for path, name in zip(paths, names, strict=True))
    splits = [split for split in first if split in second]
    if not splits:
        raise CollectionError(
            f"{settings.first} is on {', '.join(first)} and {settings.second} on {', '.join(second)}, expected "
            "a split in common. Evaluate both on one."
        )
    for split in splits:
        before, after = first[split], second[split]
        labels = [score.label for score in before.scores if score.label in {each.label for each in after.scores}]
        for label in [settings.label] if settings.label else labels:
            print_comparison(before, after, comparison.compare(before, after, label, settings.k))


def _encoder(settings: EvaluateSettings) -> "LoadedEncoder":
    """The encoder that is evaluated; one that learns nothing is shown what the settings say.

    Raises:
        SettingsError: they say that of another.
    """
    from unreel.checkpoint import baseline_encoder, load_encoder

    encoder, given = load_encoder(settings.run), settings.shown.model_dump(exclude_none=True)
    if given and encoder.settings.name not in BASELINES:
        raise SettingsError(
            f"got {', '.join(given)} for {settings.run}, whose weights say that; expected it for one of "
            f"{', '.join(BASELINES)} only. Leave it away."
        )
    if not given:
        return encoder
    shown = validated(EncoderSettings, encoder.settings.model_dump() | given, f"evaluate {encoder.name}")
    return baseline_encoder(encoder.settings.name, shown)


def _baselines(settings: EvaluateSettings, encoder: "LoadedEncoder") -> list["LoadedEncoder"]:
    from unreel.checkpoint import baseline_encoder

    names = [name for name in BASELINES if settings.baselines and name != encoder.settings.name]
    return [baseline_encoder(name, encoder.settings, encoder.seed) for name in names]


def _untrained(settings: EvaluateSettings, encoder: "LoadedEncoder") -> list["LoadedEncoder"]:
    """The same before its first step, where it has learnt something since."""
    from unreel.checkpoint import untrained_encoder

    return [untrained_encoder(encoder)] if settings.untrained and encoder.settings.name not in BASELINES else []


def _embedded(
    work: Sequence[tuple["Evaluator", "LoadedEncoder"]], manifest: "Manifest", splits: Sequence["Split"]
) -> Iterator[tuple["Evaluator", "LoadedEncoder", "Features", "Split"]]:
    """Yield every encoder with every split; a video that several of these have is encoded once."""
    wanted = {video.id for split in splits for video in split.videos}
    for evaluator, encoder in work:
        features = evaluator.features(encoder, manifest, [video for video in manifest if video.id in wanted])
        yield from ((evaluator, encoder, features, split) for split in splits)


def _splits(settings: EvaluateSettings, manifest: "Manifest") -> list["Split"]:
    from unreel.evaluation.splits import group_hold_out, leave_one_out, official, random_hold_out

    if settings.split:
        return [official(manifest, name) for name in manifest.chosen_splits(settings.split)]
    if settings.division == "random":
        return [random_hold_out(manifest, settings.test_share, settings.seed)]
    if settings.division == "groups":
        return [group_hold_out(manifest, settings.test_share, settings.seed)]
    return [leave_one_out(manifest)]


def _by_split(path: Path, retrievals: Sequence["Retrieval"], name: str | None) -> dict[str, "Retrieval"]:
    """By its split: the last retrieval of an encoder, or of any."""
    chosen = {each.origin.split: each for each in retrievals if name in (None, each.origin.encoder)}
    if not chosen:
        held = ", ".join(dict.fromkeys(each.origin.encoder for each in retrievals)) or "none"
        raise CollectionError(f"{path} has no encoder {name!r}. Its encoders are: {held}.")
    return chosen
