"""`unreel evaluate test` and `unreel evaluate finetune`: recognition by fine-tuned classifiers."""

from argparse import ArgumentError, ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import model_validator

from unreel.cli.inputs.labelled import LabelledSettings
from unreel.cli.inputs.parsing import parse
from unreel.console import explain, say
from unreel.errors import OverwriteError, SettingsError
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import Folds, Settings, validated
from unreel.text import unbroken

if TYPE_CHECKING:
    from unreel.evaluation.finetune_results import Finetuned
    from unreel.evaluation.recognition import Recognition, RecognitionTest
    from unreel.video.collection.manifest import Manifest

SCRATCH = "scratch"
WHOLE = "all videos"
FINETUNE_HELP = """usage: unreel evaluate finetune RUN|scratch FOLDER --out OUT (--split 1 2 3|all | --folds N) …

Fine-tune from a pretrained run (or from random weights: scratch) on each split, test what it holds out, and put the
tests together: mean ± standard deviation over the splits. Without official splits, on each of N folds: whole groups are
held out, of each label alike where that can be, and the accuracy is that over all videos. As many folds as there are
groups leave one group out.

Every split or fold is a run in a folder of its own in OUT, so that the same command resumes after any end. What is
found is in OUT/finetune.json.

All further options are those of fine-tuning: see unreel finetune --help"""


class EvaluateTestSettings(LabelledSettings):
    """Test a fine-tuned run: every video cut into clips, five crops of each, top-1 and top-5 of videos and clips.

    What is tested is the test part of --split, or without one all labelled videos. A video that the run has learnt
    from, or a near duplicate of one, is an error that names it.
    """

    out: Path
    """Folder for the result, recognition.json; with several splits it is in a folder for each of them."""
    allow_leaks: tuple[str, ...] = ()
    """Names of what may be known from training: ids of tested videos, groups, or a reason ("near duplicate")."""


class SplitsSettings(Settings):
    """What `unreel evaluate finetune` fine-tunes on."""

    split: tuple[str, ...] = ()
    """Official splits to fine-tune and test on, each by itself; all: all there are."""
    folds: Folds | None = None
    """Folds to fine-tune and test on in turn."""

    @model_validator(mode="after")
    def _one_of_them(self) -> "SplitsSettings":
        if bool(self.split) == bool(self.folds):
            given = f"split {', '.join(self.split)} and {self.folds} folds" if self.split else "neither"
            raise ValueError(
                f"got {given}, expected one of --split and --folds: official splits (1 2 3, or all), or a number of "
                "folds for a collection without them"
            )
        return self


def main(kind: str, arguments: Sequence[str]) -> None:
    """Run the verb; `kind` is "test" or "finetune"."""
    if kind == "test":
        test(parse(EvaluateTestSettings, "evaluate test", arguments))
    elif not arguments or {"-h", "--help"}.intersection(arguments):
        explain(FINETUNE_HELP)
    else:
        finetune(*_chosen(arguments))


def test(settings: EvaluateTestSettings) -> "list[Recognition]":
    """Test a classifier on each split, print and write."""
    from unreel.cli.finetune import print_recognition
    from unreel.cli.tables.recognition_tables import print_mistakes
    from unreel.engine.device import device
    from unreel.evaluation.classifiers import load_classifier
    from unreel.evaluation.recognition import write_recognition
    from unreel.training.finetune import RESULT

    _check_free(settings.out, RESULT)
    where = device(settings.accelerator)
    loaded = load_classifier(settings.run)
    manifest = settings.manifest(loaded.classifier.settings.encoder_settings.prepared_side)
    tests = _tests(settings, manifest, loaded.label, loaded.classifier.classes)
    loaded.classifier.to(where)
    found = []
    for name, each in tests.items():
        target = settings.out / (name if len(tests) > 1 else "") / RESULT
        result = each.run(loaded.classifier, loaded.step)
        write_recognition(target, result)
        print_recognition(result)
        print_mistakes(result)
        say(f"written to {unbroken(target)}")
        found.append(result)
    return found


def finetune(weights: str, settings: FinetuneSettings, parts: SplitsSettings) -> "Finetuned | None":
    """Fine-tune on each split or fold, put the tests together, print and write."""
    from unreel.api import prepared_for
    from unreel.checkpoint import load_encoder
    from unreel.cli.finetune import learn
    from unreel.cli.tables.recognition_tables import print_finetuned
    from unreel.engine.launch import first_here
    from unreel.evaluation.finetune_results import RESULT, combine, write_finetuned
    from unreel.training.finetune import resolved
    from unreel.training.run import check_out
    from unreel.training.task import checked_together

    settings = resolved(settings)
    manifest = prepared_for(settings)
    runs = checked_together(_runs(settings, parts, manifest), manifest)
    _check_own(settings.out, {RESULT, *(run.out.name for run in runs)})
    for run in runs:
        check_out(run)
    tests = []
    for run in runs:
        if first_here():
            say(f"{run.out.name}:")
        found = learn(run)
        assert found is not None
        tests.append(found)
    if not first_here():
        return None
    begun = None if weights == SCRATCH else load_encoder(Path(weights))
    result = combine(
        tests,
        "folds" if parts.folds else "splits",
        encoder=begun.name if begun else SCRATCH,
        checkpoint=begun.checkpoint if begun else "random",
        protocol=f"fine-tuned for {settings.steps:,} steps of {settings.batch_size}, five crops of every clip",
        seed=settings.seed,
    )
    target = settings.out / RESULT
    write_finetuned(target, result)
    print_finetuned(result)
    say(f"written to {unbroken(target)}")
    return result


def _tests(
    settings: EvaluateTestSettings, manifest: "Manifest", label: str, classes: Sequence[str]
) -> "dict[str, RecognitionTest]":
    """The test of each split by its folder's name, or of the whole collection; none of what the run has learnt from."""
    from unreel.training.learnt import learnt_from
    from unreel.training.task import recognition_test, with_split
    from unreel.video.collection.leaks import check_leaks, leaks_between

    names = manifest.chosen_splits(settings.split)
    if not names:
        manifest, _ = with_split(manifest, WHOLE, {each.id for each in manifest})
        names = (WHOLE,)
    tests = {
        f"split-{name}": recognition_test(manifest, name, label, classes, settings.loader_workers) for name in names
    }
    known = learnt_from(settings.run)
    if known is None:
        say(f"what {unbroken(settings.run)} has learnt from is not known here: leaks from there are not looked for")
        return tests
    for name in names:
        tested = {each.id for each in tests[f"split-{name}"].videos}
        found = leaks_between(known, manifest, name)
        check_leaks([leak for leak in found if leak.test.id in tested], name, settings.allow_leaks)
    return tests


def _chosen(arguments: Sequence[str]) -> tuple[str, FinetuneSettings, SplitsSettings]:
    """RUN or scratch, the settings of fine-tuning, and what to fine-tune on."""
    weights, *words = arguments
    if weights.startswith("-"):
        raise SettingsError(
            f"got {weights!r} in the first place, expected a run, or {SCRATCH}: unreel evaluate finetune RUN FOLDER "
            "--out OUT --split all"
        )
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--split", nargs="+", default=[])
    parser.add_argument("--folds", type=int)
    try:
        chosen, rest = parser.parse_known_args(words)
    except ArgumentError as error:
        raise SettingsError(f"{error}. See unreel evaluate finetune --help") from None
    parts = validated(SplitsSettings, vars(chosen), "unreel evaluate finetune")
    begun = [] if weights == SCRATCH else ["--weights", weights]
    return weights, parse(FinetuneSettings, "evaluate finetune", [*rest, *begun]), parts


def _runs(settings: FinetuneSettings, parts: SplitsSettings, manifest: "Manifest") -> list[FinetuneSettings]:
    """The settings of the run on each split or fold."""
    if parts.folds:
        changes: list[dict[str, object]] = [
            {"out": settings.out / f"fold-{number}", "test_fold": (number, parts.folds)}
            for number in range(1, parts.folds + 1)
        ]
    else:
        names = manifest.chosen_splits(parts.split)
        changes = [{"out": settings.out / f"split-{name}", "split": name} for name in names]
    return [validated(FinetuneSettings, settings.model_dump() | each, "unreel evaluate finetune") for each in changes]


def _check_free(out: Path, result: str) -> None:
    from unreel.engine.files import check_free

    for path in (out / result, *out.glob(f"*/{result}")):
        check_free(path)


def _check_own(out: Path, names: set[str]) -> None:
    """Nothing but what this command leaves may be in its folder."""
    from unreel.engine.files import is_unfinished

    found = [path.name for path in out.iterdir() if not is_unfinished(path)] if out.is_dir() else []
    others = sorted(set(found) - names)
    if others:
        raise OverwriteError(
            f"{out} holds {others[0]!r}, expected nothing or what the same command has left: write to another folder."
        )
