"""`unreel prepare`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field

from unreel.cli.inputs.collection import CollectionSettings
from unreel.cli.inputs.parsing import parse
from unreel.cli.tables.collection_summary import decoding_rate, summary
from unreel.console import say
from unreel.video.collection.options import HIGHEST_SIDE, LOWEST_SIDE, PrepareOptions
from unreel.video.collection.prepare import prepare


class PrepareSettings(CollectionSettings):
    """Open every file of a folder or list, list what can be used and what not, and make the usable ones fast to load.

    Nothing in the folder is changed. Stopped half-way, the same command resumes where it was.
    """

    out: tyro.conf.Positional[Path]
    """Folder to make: manifest.parquet and the prepared videos."""
    side: Annotated[int, Field(ge=LOWEST_SIDE, le=HIGHEST_SIDE)] = 128
    """Shorter side of the prepared videos in pixels: 128 for an encoder input of 112."""
    unique: bool = False
    """Skip exact and near duplicates: of each group the one is kept that `unreel dedupe` keeps."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    settings = parse(PrepareSettings, "prepare", arguments)
    manifest = prepare(settings.source, settings.out, PrepareOptions(**settings.options()))
    say(*summary(manifest, "prepared", settings.out), decoding_rate(manifest))
