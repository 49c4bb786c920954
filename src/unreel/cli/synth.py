"""`unreel synth`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field

from unreel.cli.inputs.parsing import parse
from unreel.console import say
from unreel.settings.model import PositiveWorkers, Seed, Settings, Videos
from unreel.text import unbroken
from unreel.video.moving_shapes.synth import MovingShapes, render_collection


class SynthSettings(Settings):
    """Render Moving Shapes: real mp4 files with two independent labels, appearance and motion.

    What an encoder has learned of either can be measured. The same seed gives the same files, byte for byte.
    """

    out: tyro.conf.Positional[Path]
    """Folder to make; labels go to its labels.csv."""
    videos: Videos = 240
    """How many; multiples of 48 have every motion with every appearance equally often."""
    seed: Seed = 0
    """Decides every video."""
    side: Annotated[int, Field(ge=16, le=1024)] = 128
    """Height and width in pixels."""
    frames: Annotated[int, Field(ge=1, le=100_000)] = 64
    """Frames of each video."""
    workers: PositiveWorkers | None = None
    """Processes that render; default: one for each CPU."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    settings = parse(SynthSettings, "synth", arguments)
    shapes = MovingShapes(settings.videos, settings.seed, settings.side, settings.frames)
    render_collection(settings.out, shapes, settings.workers)
    say(f"{settings.videos} videos in {unbroken(settings.out)}")
