"""`unreel leaks`."""

from collections.abc import Sequence
from pathlib import Path

import tyro

from unreel.cli.inputs.parsing import parse
from unreel.console import say
from unreel.settings.model import Settings
from unreel.video.collection.leaks import check_leaks, leaks, leaks_between
from unreel.video.collection.manifest import Manifest


class LeaksSettings(Settings):
    """Find videos that are held out for a test but known from training: the same file, group, or a near duplicate.

    Ends with exit code 2 and their names if there are any that --allow does not name.
    """

    tested: tyro.conf.Positional[Path]
    """Prepared folder, or manifest of a scan, of a data set with splits (see --layout of `unreel prepare`)."""
    split: str = "1"
    """Its split."""
    pretraining: Path | None = None
    """Prepared folder, or manifest of a scan, that was learnt from; default: the training part of the split."""
    allow: tuple[str, ...] = ()
    """Names of what is accepted: ids of test videos, groups, or a reason as a whole ("near duplicate")."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    settings = parse(LeaksSettings, "leaks", arguments)
    tested = Manifest.read(settings.tested)
    if settings.pretraining is None:
        found = leaks(tested, settings.split)
    else:
        found = leaks_between(Manifest.read(settings.pretraining), tested, settings.split)
    check_leaks(found, settings.split, settings.allow)
    held_out = sum(len(videos) for part, videos in tested.parts(settings.split).items() if part != "train")
    allowed = len({leak.test.id for leak in found})
    say(f"{held_out} videos held out by split {settings.split}, {held_out - allowed} of them unknown to training")
