"""`unreel fetch`."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from unreel.cli.inputs.parsing import parse
from unreel.console import say, say_command
from unreel.settings.model import Settings
from unreel.text import unbroken
from unreel.video.fetch.fetch import TERMS, DataSetName, Fetched, FetchOptions, SplitName, fetch, left_to_do
from unreel.video.fetch.remote import in_units


class FetchSettings(Settings):
    """Download a data set from its official addresses and unpack it, with its official lists, ready for `prepare`.

    Stopped half-way, the same command resumes where it was. An archive that you have already can be put into the
    folder `archives` in FOLDER, and stays there. The rar archives of ucf101 and hmdb51 need a program that unpacks
    them: unrar or unar.
    """

    name: tyro.conf.Positional[DataSetName]
    """The data set. Downloads: ucf101 7 GB, hmdb51 2 GB, kinetics400 411 GB (train and val); unpacked as much."""
    folder: tyro.conf.Positional[Path | None] = None
    """Folder to bring it into; default: one with its name."""
    parts: tuple[SplitName, ...] = ()
    """Parts of kinetics400: train (381 GB), val (30 GB), test (56 GB); none named: train and val."""
    mirror: Annotated[str | None, tyro.conf.arg(name="from")] = None
    """Address of a folder that holds the files in place of the official ones."""
    keep_archives: bool = False
    """Keep the archives when they are unpacked."""
    unverified: bool = False
    """Take files whatever their size and checksum."""
    dry_run: bool = False
    """Only say what would be downloaded."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    settings = parse(FetchSettings, "fetch", arguments)
    folder = settings.folder or Path(settings.name)
    options = FetchOptions(settings.parts, settings.mirror, settings.keep_archives, settings.unverified)
    if settings.dry_run:
        say(*plan(settings.name, folder, options))
    else:
        fetched = fetch(settings.name, folder, options)
        say(*summary(settings.name, fetched))
        say_command(next_step(settings.name, fetched))


def plan(name: DataSetName, folder: Path, options: FetchOptions) -> list[str]:
    """What would be downloaded, a line for each file."""
    wanted = left_to_do(name, folder, options)
    if not wanted:
        return [f"nothing is left to download into {unbroken(folder)}"]
    lines = [f"{in_units(size) if size is not None else '?':>12}  {item.file.addresses[0]}" for item, size in wanted]
    known = [size for _, size in wanted if size is not None]
    unknown = f" and {len(wanted) - len(known)} of unknown size" if len(known) < len(wanted) else ""
    return [*lines, f"{in_units(sum(known))}{unknown} to download into {unbroken(folder)}, and unpacked as much again"]


def summary(name: DataSetName, fetched: Fetched) -> list[str]:
    """What is there now, and its terms."""
    lines = [f"{fetched.videos} videos in {unbroken(fetched.folder)}"]
    if fetched.missing:
        lines.append(f"  named by the lists but not in the folder: {fetched.missing}")
    return [*lines, TERMS[name], "next:"]


def next_step(name: DataSetName, fetched: Fetched) -> str:
    """What to type next."""
    prepared = fetched.folder.with_name(f"{fetched.folder.name}-prepared")
    return shlex.join(["unreel", "prepare", str(fetched.folder), str(prepared), "--layout", name])
