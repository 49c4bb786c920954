"""`unreel embed`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro
from pydantic import model_validator

from unreel.cli.inputs.encoder import EncoderCode
from unreel.cli.inputs.limits import LimitSettings
from unreel.cli.inputs.parsing import parse
from unreel.console import say
from unreel.engine.executor import EngineName
from unreel.settings.model import Clips, Count, Interval, Seconds, Workers
from unreel.text import excerpt, unbroken

if TYPE_CHECKING:
    from unreel.checkpoint import LoadedEncoder
    from unreel.search.metadata import TableFacts
    from unreel.search.update import Changes
    from unreel.video.collection.manifest import Manifest


class EmbedSettings(LimitSettings, EncoderCode):
    """Turn the videos of a folder into vectors, in a table to search, to curate, or to read with other tools.

    Every video gives a row for each of its clips and one for itself: the mean over its clips of the global average of
    one level. A row holds id, path, start and end in seconds, labels, encoder, checkpoint and vector.

    With --every, rows are windows over the time of the video. --out 'FOLDER/*.npy' writes these as a .npy file for
    each video, and FOLDER/features.json, for temporal action localisation (ActionFormer, OpenTAD and their kin).

    The same command again embeds what is new or has changed and removes what is gone (of more than three videos only
    with --remove-missing); stopped or killed, it resumes.
    """

    run: tyro.conf.Positional[Path]
    """Run folder, one weights file, or the name of an encoder that comes with unreel."""
    folder: tyro.conf.Positional[Path]
    """Folder of videos, or of prepared videos; an unprepared one is prepared on the way."""
    out: str
    """Table to make or bring up to date: a LanceDB folder, or an address (s3://…); or 'FOLDER/*.npy', in quotes."""
    labels: str = "auto"
    """Where labels come from: auto (a labels.csv in the folder, else folders where they look like classes: every video
    one folder deep, several folders, several videos in each), none, folders (the first of each path), or a table."""
    level: Count | str | None = None
    """Block of the encoder whose features are taken; default: the last."""
    clips: Clips | Literal["all"] | None = None
    """Equally spaced clips per video, or all that do not overlap; default: 10, or windows where --every is given."""
    every: Interval | None = None
    """Seconds from the beginning of a window to that of the next."""
    window: Seconds | None = None
    """Seconds of a window, whose vector is the mean over the clips that fill it; default: one clip."""
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

    @model_validator(mode="after")
    def _one_choice(self) -> "EmbedSettings":
        if self.every is not None and self.clips is not None:
            raise ValueError("clips and every are two ways to choose what is embedded: give one of them")
        if self.every is None and self.window is not None:
            raise ValueError(f"window is {self.window:g} s, expected every with it: how far apart windows begin")
        if Path(self.out).name == "*.npy" and (self.every is None or "://" in self.out):
            raise ValueError(f"out is {self.out}, expected a folder of this machine, and every: seconds between rows")
        return self


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(EmbedSettings, "embed", arguments))


def run(settings: EmbedSettings) -> None:
    """Embed, write, and index what has become large."""
    from unreel.checkpoint import load_encoder, untrained_encoder
    from unreel.engine.device import device
    from unreel.search.feature_files import is_feature_folder
    from unreel.search.index import bring_up_to_date
    from unreel.search.update import EmbeddingEngine, update
    from unreel.video.collection.options import PrepareOptions
    from unreel.video.collection.prepare import prepared

    where = "cpu" if settings.engine == "ray" else str(device(settings.accelerator))
    encoder = load_encoder(settings.run)
    if settings.untrained:
        encoder = untrained_encoder(encoder)
    options = PrepareOptions(
        encoder.settings.prepared_side, labels=settings.labels, engine=settings.engine, limits=settings.limits()
    )
    manifest = prepared(settings.folder, options)
    facts = _facts(settings, encoder, manifest)
    work = EmbeddingEngine(settings.engine, where, settings.loader_workers)
    changes = update(settings.out, encoder, manifest, facts, work, remove_missing=settings.remove_missing)
    say(f"{_summary(changes)} ({excerpt(encoder.name)}) in {unbroken(settings.out)}")
    _print_left_out(manifest, changes, facts)
    if is_feature_folder(settings.out):
        return
    index = bring_up_to_date(settings.out, settings.index, changed=changes.altered)
    if index is not None:
        say(f"  {index.kind} over {index.rows} rows: recall@10 {index.recall:.3f} of {index.queries} exact searches")


def _facts(settings: EmbedSettings, encoder: "LoadedEncoder", manifest: "Manifest") -> "TableFacts":
    """How the vectors will be made."""
    from unreel.checkpoint import place_of
    from unreel.search.metadata import DenseWindows, TableFacts
    from unreel.search.update import source_of
    from unreel.search.windows import check_dense
    from unreel.video.clips.sampling import TimeScale

    level = encoder.encoder.find_level(settings.level)
    clips = settings.clips or 10 if settings.every is None else DenseWindows(settings.every, settings.window)
    if isinstance(clips, DenseWindows):
        check_dense(manifest.usable, clips, TimeScale.of(encoder.settings))
    return TableFacts(
        encoder=encoder.name,
        checkpoint=encoder.checkpoint,
        weights=str(place_of(settings.run).resolve()),
        settings=encoder.settings,
        level=level,
        clips=clips,
        width=encoder.encoder.channels[level],
        side=manifest.side,
        untrained=settings.untrained,
    ).with_source(source_of(manifest), manifest.root)


def _summary(changes: "Changes") -> str:
    counts = {
        "kept": changes.kept,
        "described anew": changes.described,
        "removed": len(changes.removed),
        "left out": len(changes.missing),
    }
    others = "".join(f", {count} {what}" for what, count in counts.items() if count)
    return f"{changes.embedded} videos embedded{others}"


def _print_left_out(manifest: "Manifest", changes: "Changes", facts: "TableFacts") -> None:
    """Which files have no rows, or none any more, and why; and of which videos no clip or window is whole."""
    from unreel.cli.tables.collection_summary import labels_line, other_files, print_reasons, skipped_files

    say(labels_line(manifest), *skipped_files(manifest), *other_files(manifest))
    for what, reasons in (("removed", changes.removed), ("left out", changes.missing)):
        if reasons:
            say(f"  {what}: {len(reasons)}")
            print_reasons(reasons)
    clip_length, window = facts.settings.clip_length, getattr(facts.clips, "window", None)
    short = sum(record.frames < clip_length for record in manifest.usable)
    if short:
        say(f"  looped to fill a clip of {clip_length} frames: {short} videos, which `unreel pretrain` leaves out")
    shorter = sum(record.duration < window for record in manifest.usable) if window else 0
    if shorter:
        say(f"  shorter than a window of {window:g} s, which is the whole video then: {shorter} videos")
