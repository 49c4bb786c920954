"""`unreel prepare`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field, PositiveFloat, PositiveInt

from unreel.cli.parsing import parse
from unreel.settings.model import Settings
from unreel.video.manifest import Manifest
from unreel.video.prepare import PrepareOptions, prepare

LISTED = 10


class Prepare(Settings):
    """Open every file of a folder, list what can be used and what not, and make the usable ones fast to load.

    Nothing in the folder is changed. Stopped half-way, the same command goes on where it was.
    """

    folder: tyro.conf.Positional[Path]
    """Folder of videos. Sub-folders name their label, or a labels.csv (path, then one column per label) does."""
    out: tyro.conf.Positional[Path]
    """Folder to make: manifest.parquet and the prepared videos."""
    side: Annotated[int, Field(ge=16)] = 128
    """Shorter side of the prepared videos in pixels: 128 for an encoder input of 112."""
    group_pattern: str | None = None
    """Regular expression whose first group, found in a video's path, names its group (person, source)."""
    workers: PositiveInt | None = None
    """Processes that transcode; none given: one for each processor."""
    seconds_per_file: PositiveFloat = 120.0
    """A file that takes longer is refused."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    settings = parse(Prepare, "prepare", arguments)
    options = PrepareOptions(settings.side, settings.group_pattern, settings.workers, settings.seconds_per_file)
    print(summary(prepare(settings.folder, settings.out, options)))


def summary(manifest: Manifest) -> str:
    """What was kept and what was refused, in a few lines."""
    minutes = sum(record.duration for record in manifest.usable) / 60
    counts = f"{len(manifest.usable)} videos prepared ({minutes:.1f} minutes), {len(manifest.refused)} refused"
    lines = [f"{counts}, in {manifest.root}"]
    lines += [f"  refused {record.id}: {record.reason}" for record in manifest.refused[:LISTED]]
    if len(manifest.refused) > LISTED:
        lines.append(f"  and {len(manifest.refused) - LISTED} more, listed in the manifest")
    if manifest.ignored:
        lines.append(f"  {manifest.ignored} files without a video's name ignored")
    return "\n".join(lines)
