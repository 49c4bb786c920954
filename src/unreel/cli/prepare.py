"""`unreel prepare`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field

from unreel.cli.collection import CollectionSettings
from unreel.cli.inventory import decoding_rate, summary
from unreel.cli.parsing import parse
from unreel.video.options import LARGEST_SIDE, LOWEST_SIDE, PrepareOptions
from unreel.video.prepare import prepare


class Prepare(CollectionSettings):
    """Open every file of a folder or list, list what can be used and what not, and make the usable ones fast to load.

    Nothing in the folder is changed. Stopped half-way, the same command goes on where it was.
    """

    out: tyro.conf.Positional[Path]
    """Folder to make: manifest.parquet and the prepared videos."""
    side: Annotated[int, Field(ge=LOWEST_SIDE, le=LARGEST_SIDE)] = 128
    """Shorter side of the prepared videos in pixels: 128 for an encoder input of 112."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    settings = parse(Prepare, "prepare", arguments)
    options = PrepareOptions(**settings.model_dump(exclude={"source", "out"}))
    manifest = prepare(settings.source, settings.out, options)
    print(summary(manifest, "prepared", settings.out))
    print(decoding_rate(manifest))
