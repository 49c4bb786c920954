"""`unreel embed`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from unreel.cli.inputs.encoder import EncoderCode
from unreel.cli.inputs.limits import LimitSettings
from unreel.cli.inputs.parsing import parse
from unreel.console import say
from unreel.engine.executor import EngineName
from unreel.settings.model import Clips, Count, Workers
from unreel.text import excerpt, unbroken

if TYPE_CHECKING:
    from unreel.search.update import Changes
    from unreel.video.collection.manifest import Manifest


class EmbedSettings(LimitSettings, EncoderCode):
    """Turn the videos of a folder into vectors, in a table to search, to curate, or to read with other tools.

    Every video gives a row for each of its clips and one for itself: the mean over its clips of the global average of
    one level. A row holds id, path, start and end in seconds, labels, encoder, checkpoint and vector.

    The same command again embeds what is new or has changed and removes what is gone (of more than three videos only
    with --remove-missing); stopped or killed, it resumes.
    """

    run: tyro.conf.Positional[Path]
    """Run folder, one weights file, or the name of an encoder that comes with unreel."""
    folder: tyro.conf.Positional[Path]
    """Folder of videos, or of prepared videos; an unprepared one is prepared on the way."""
    out: str
    """Table to make or bring up to date: a LanceDB folder, or an address (s3://…)."""
    level: Count | str | None = None
    """Block of the encoder whose features are taken; default: the last."""
    clips: Clips | Literal["all"] = 10
    """Equally spaced clips per video, or all that do not overlap."""
    untrained: bool = False
    """Take the encoder as it was before its first step."""
    remove_missing: bool = False
    """Remove the rows of all videos that are gone, however many; otherwise more than three are an error, for a folder
    may be away for the moment only."""
    index: Literal["auto", "none", "always"] = "auto"
    """Whether the table has an index; auto: a large one does, smaller ones are searched exactly in no time."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    loader_workers: Workers | None = None
    """Processes that decode; default: chosen by the size of the collection."""
    engine: EngineName = "local"
    """Where to work: on this machine, or on a Ray cluster whose nodes all see the files under the same path; its GPUs
    are used where it has some."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(EmbedSettings, "embed", arguments))


def run(settings: EmbedSettings) -> None:
    """Embed, write, and index what has become large."""
    from unreel.checkpoint import load_encoder, place_of, untrained_encoder
    from unreel.engine.device import device
    from unreel.search.index import bring_up_to_date
    from unreel.search.metadata import TableFacts
    from unreel.search.update import EmbeddingEngine, source_of, update
    from unreel.video.collection.options import PrepareOptions
    from unreel.video.collection.prepare import prepared

    where = "cpu" if settings.engine == "ray" else str(device(settings.accelerator))
    encoder = load_encoder(settings.run)
    if settings.untrained:
        encoder = untrained_encoder(encoder)
    level = encoder.encoder.find_level(settings.level)
    options = PrepareOptions(encoder.settings.prepared_side, engine=settings.engine, limits=settings.limits())
    manifest = prepared(settings.folder, options)
    facts = TableFacts(
        encoder=encoder.name,
        checkpoint=encoder.checkpoint,
        weights=str(place_of(settings.run).resolve()),
        settings=encoder.settings,
        level=level,
        clips=settings.clips,
        width=encoder.encoder.channels[level],
        side=manifest.side,
        untrained=settings.untrained,
    ).with_source(source_of(manifest), manifest.root)
    work = EmbeddingEngine(settings.engine, where, settings.loader_workers)
    changes = update(settings.out, encoder, manifest, facts, work, remove_missing=settings.remove_missing)
    say(f"{_summary(changes)} ({excerpt(encoder.name)}) in {unbroken(settings.out)}")
    _print_left_out(manifest, changes, encoder.settings.clip_length)
    index = bring_up_to_date(settings.out, settings.index, changed=changes.altered)
    if index is not None:
        say(f"  {index.kind} over {index.rows} rows: recall@10 {index.recall:.3f} of {index.queries} exact searches")


def _summary(changes: "Changes") -> str:
    counts = {
        "kept": changes.kept,
        "described anew": changes.described,
        "removed": len(changes.removed),
        "left out": len(changes.missing),
    }
    others = "".join(f", {count} {what}" for what, count in counts.items() if count)
    return f"{changes.embedded} videos embedded{others}"


def _print_left_out(manifest: "Manifest", changes: "Changes", clip_length: int) -> None:
    """Which files have no rows, or none any more, and why; and of which videos no clip is whole."""
    from unreel.cli.tables.collection_summary import other_files, print_reasons, skipped_files

    say(*skipped_files(manifest), *other_files(manifest))
    for what, reasons in (("removed", changes.removed), ("left out", changes.missing)):
        if reasons:
            say(f"  {what}: {len(reasons)}")
            print_reasons(reasons)
    short = sum(record.frames < clip_length for record in manifest.usable)
    if short:
        say(f"  looped to fill a clip of {clip_length} frames: {short} videos, which `unreel pretrain` leaves out")
