"""`unreel dedupe`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import tyro

from unreel.cli.inputs.limits import LimitSettings
from unreel.cli.inputs.parsing import parse
from unreel.cli.tables.collection_summary import duplicate_groups, skipped_files
from unreel.console import say
from unreel.engine.files import check_free, write_once
from unreel.errors import CollectionError, SettingsError
from unreel.settings.model import PositiveWorkers
from unreel.text import unbroken
from unreel.video.collection.discover import expression_of
from unreel.video.collection.duplicate_table import table_of
from unreel.video.collection.duplicates import DuplicateGroups, duplicates
from unreel.video.collection.file_names import printable
from unreel.video.collection.label_tables import table_text
from unreel.video.collection.labelling import LABELS_NAME
from unreel.video.collection.manifest import Manifest, VideoRecord, is_prepared
from unreel.video.collection.options import ScanOptions
from unreel.video.collection.preference import Preference
from unreel.video.collection.scan import scanned
from unreel.video.collection.transfer import Links, transfer

_NAMED = 5


class DedupeSettings(LimitSettings):
    """List exact and near duplicates among videos, by checksum and by pictures and motion, and which to keep of each.

    Nothing is deleted; --to makes a folder of what is kept. Of a group that one is kept with most pixels, then the
    longest, the least damaged, one not named as a copy ("x - Copy", "x (1)"), the oldest, the largest, and the one with
    the shortest name. `unreel duplicates` finds duplicates by embeddings instead.
    """

    source: tyro.conf.Positional[Path]
    """Folder or list of videos (scanned on the way, into the cache), prepared folder, or a scan's .parquet manifest."""
    out: Path
    """CSV file to write: one row for each video of a group."""
    to: Path | None = None
    """Folder to link or copy to what is kept, under the same paths, with its labels.csv; the same command resumes."""
    links: Links = "auto"
    """How: hard links, symbolic (soft) ones or copies; auto: hard links, and copies where there can be none."""
    with_skipped: bool = False
    """Take files along that cannot be used as videos."""
    near: bool = True
    """Near duplicates, too: re-encoded, scaled, mirrored …; or the same files only."""
    keep_from: str | None = None
    """Regular expression: a video in whose path it is found is kept rather than others, as in '^originals/'."""
    workers: PositiveWorkers | None = None
    """Processes that decode; default: one for each CPU."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(DedupeSettings, "dedupe", arguments))


def run(settings: DedupeSettings) -> None:
    """Compare, write, link, print."""
    wanted = None if settings.keep_from is None else expression_of("keep_from", settings.keep_from)
    if settings.to is None:
        check_free(settings.out)
    else:
        _check_apart(settings.to, settings.source)
    manifest = _manifest(settings)
    if settings.to is not None:
        _check_apart(settings.to, manifest.origin)
    if wanted is not None and not any(wanted.search(video.id) for video in manifest.usable):
        raise SettingsError(f"keep_from {wanted.pattern!r} is found in no path of the {len(manifest.usable)} videos.")
    preference = Preference(wanted)
    found = duplicates(manifest, preference)
    write_once(settings.out, table_of(manifest, found, preference))
    say(*skipped_files(manifest), *duplicate_groups(manifest, found))
    if settings.to is not None:
        _transfer(settings, settings.to, manifest, found)
    say(_count(manifest, found, settings.out))


def _manifest(settings: DedupeSettings) -> Manifest:
    """What is known of the videos, scanned if need be; without fingerprints where near duplicates are not asked for."""
    if is_prepared(settings.source) or settings.source.suffix.lower() == ".parquet":
        manifest = Manifest.read(settings.source)
    else:
        manifest = scanned(settings.source, ScanOptions(workers=settings.workers, limits=settings.limits()))
    if settings.near:
        return manifest
    return replace(manifest, records=tuple(replace(record, fingerprint=b"") for record in manifest))


def _check_apart(to: Path, source: Path) -> None:
    """Reject a folder to link to in which the folder of videos is, or which is in that.

    Raises:
        SettingsError: it is so.
    """
    place, folder = to.resolve(), source.resolve()
    if folder.is_dir() and (place.is_relative_to(folder) or folder.is_relative_to(place)):
        raise SettingsError(
            f"to is {to}, expected a folder neither in {folder} nor around it, for each video would be found twice "
            "there. Name another."
        )


def _transfer(settings: DedupeSettings, to: Path, manifest: Manifest, found: DuplicateGroups) -> None:
    """Link what is kept, and the labels that it has.

    Raises:
        CollectionError: the originals are gone, or some files could not be linked.
    """
    folder = manifest.folder
    if not folder.is_dir():
        raise CollectionError(f"{folder}, where the videos of {settings.source} were, is no folder. Bring it back.")
    taken = _taken(manifest, found, settings.with_skipped)
    files = [_placed(manifest, record, folder) for record in taken]
    reasons = transfer(files, to, settings.links)
    if reasons:
        named = [f"  {printable(place)}: {reason}" for place, reason in list(reasons.items())[:_NAMED]]
        more = [f"  and {len(reasons) - _NAMED} more"] if len(reasons) > _NAMED else []
        raise CollectionError(
            f"{len(reasons)} of {len(files)} files could not be linked to {to}, the others are there:",
            *named,
            *more,
            "Mend this and repeat the command, which does what is left.",
        )
    labels = {printable(place): record.labels for (_, place), record in zip(files, taken, strict=True)}
    of_list = manifest.origin.is_file() and any(labels.values())
    written = of_list or (folder / LABELS_NAME).exists()
    if written:
        write_once(to / LABELS_NAME, table_text(labels))
    others = sum(not path.is_dir() for path in to.rglob("*")) - len(files) - written
    say(f"  {len(files)} files in {unbroken(to)}" + (f", beside {others} other files" if others else ""))


def _taken(manifest: Manifest, found: DuplicateGroups, with_skipped: bool) -> list[VideoRecord]:
    """What is no duplicate: of the videos, and of the files that are none where these are wanted."""
    gone = found.kept
    return [
        each
        for each in manifest
        if each.id not in gone and (each.status == "ok" or (with_skipped and not each.duplicate_of))
    ]


def _placed(manifest: Manifest, record: VideoRecord, folder: Path) -> tuple[Path, Path]:
    """Where a video is, and its path in another folder: the same, or its whole path if a list names it elsewhere."""
    original = manifest.original(record)
    path = original.relative_to(folder) if original.is_relative_to(folder) else original
    return original, Path(*(part for part in path.parts if part not in (path.anchor, "..")))


def _count(manifest: Manifest, found: DuplicateGroups, out: Path) -> str:
    videos, exact, near = len(manifest.usable), found.superfluous_exact, found.superfluous_near
    return (
        f"{videos} videos, {exact} exact copies, {near} near duplicates, {videos - exact - near} kept, "
        f"{len(manifest.skipped)} skipped, in {unbroken(out)}"
    )
