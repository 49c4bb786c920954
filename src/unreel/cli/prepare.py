"""`unreel prepare`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field, PositiveFloat, PositiveInt

from unreel.cli.parsing import parse
from unreel.settings.model import Settings
from unreel.video.layouts import LayoutName
from unreel.video.leaks import leaks
from unreel.video.manifest import Manifest
from unreel.video.prepare import PrepareOptions, prepare

LISTED = 10
NAMED = 3


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
    layout: LayoutName = "folder"
    """Any folder of videos, or a data set whose official lists give classes, groups and splits."""
    lists: Path | None = None
    """Folder of these lists; none given: they are looked for in the folder of videos and beside it."""
    group_pattern: str | None = None
    """Regular expression whose first group, found in a video's path, names its group (person, source)."""
    workers: PositiveInt | None = None
    """Processes that transcode; none given: one for each processor."""
    seconds_per_file: PositiveFloat = 120.0
    """A file that takes longer is refused."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    settings = parse(Prepare, "prepare", arguments)
    options = PrepareOptions(**settings.model_dump(exclude={"folder", "out"}))
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
    if manifest.missing:
        names = ", ".join(manifest.missing[:NAMED]) + (", …" if len(manifest.missing) > NAMED else "")
        lines.append(f"  named by the lists but not in the folder: {len(manifest.missing)} ({names})")
    for split in manifest.split_names:
        lines += _split(manifest, split)
    return "\n".join(lines)


def _split(manifest: Manifest, split: str) -> list[str]:
    """The size of a split's parts, and what the others share with its training part."""
    parts = manifest.parts(split)
    line = f"  split {split}: " + ", ".join(f"{len(videos)} {part}" for part, videos in parts.items())
    others = " or ".join(part for part in parts if part != "train")
    if "train" not in parts or not others:
        return [line]
    found = leaks(manifest, split)
    groups = len({leak.test.group for leak in found if leak.why == "same group"})
    files = sum(leak.why == "same file" for leak in found)
    lines = [f"{line}; {groups} groups and {files} files shared by train and {others}"]
    lines += [f"    {leak.test.id}: {leak.why} as {leak.training.id}" for leak in found[:NAMED]]
    return [*lines, f"    and {len(found) - NAMED} more"] if len(found) > NAMED else lines
