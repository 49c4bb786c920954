"""`unreel bench loading`."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from pydantic import Field

from unreel.cli.inputs.parsing import parse
from unreel.console import Table, explain, say, show
from unreel.errors import SettingsError
from unreel.settings.encoder import ClipLength, Size
from unreel.settings.model import Seconds, Settings, Workers

if TYPE_CHECKING:
    from unreel.video.clips.profile import Advice, LoadingProfile
    from unreel.video.collection.manifest import Manifest

KINDS = ("loading",)
GPU_RATES = (250.0, 500.0, 1000.0, 2000.0, 4000.0)
"""Clips per second that a GPU may take."""
HELP = """usage: unreel bench KIND FOLDER [OPTIONS]

  loading    where the time of reading videos goes, how many CPU cores a GPU needs, and what to change

`unreel bench KIND --help` explains all options."""


class BenchSettings(Settings):
    """Measure how fast the videos of a folder are read for pretraining, and say what to change.

    Of a folder that is not prepared, a few videos are prepared, elsewhere, to compare. Nothing in the folder is
    changed.
    """

    folder: tyro.conf.Positional[Path]
    """Folder of videos, or of prepared videos."""
    workers: tuple[Workers, ...] = ()
    """Numbers of worker processes to try; default: 0, 1, 2, 4, … up to one for each core."""
    size: Size = 112
    """Height and width of the encoder's input in pixels."""
    clip_length: ClipLength = 16
    """Consecutive frames of a clip."""
    batch_size: Annotated[int, Field(ge=1, le=2**20)] = 32
    """Videos of a batch."""
    seconds: Seconds = 10.0
    """How long to measure all numbers of workers together."""
    figures: Annotated[Path | None, tyro.conf.arg(name="json")] = None
    """File for the figures."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    if not arguments or arguments[0] in ("-h", "--help"):
        explain(HELP)
        return
    if arguments[0] not in KINDS:
        raise SettingsError(f"got bench {arguments[0]!r}, expected: {', '.join(KINDS)}. See unreel bench --help")
    run(parse(BenchSettings, "bench loading", arguments[1:]))


def run(settings: BenchSettings) -> None:
    """Measure, print and write."""
    from unreel.engine.files import check_free, write_whole
    from unreel.settings.encoder import EncoderSettings
    from unreel.video.clips.profile import advice, raw_rate, sample_prepared
    from unreel.video.collection.manifest import Manifest, is_prepared

    if settings.figures is not None:
        check_free(settings.figures)
    side = EncoderSettings(size=settings.size, clip_length=settings.clip_length).prepared_side
    if is_prepared(settings.folder):
        found = measure(Manifest.read(settings.folder), settings, side)
    else:
        with tempfile.TemporaryDirectory() as name:
            sample = sample_prepared(settings.folder, Path(name) / "sample", side)
            found = measure(sample, settings, side, raw_rate(sample, settings.clip_length))
    given = advice(found)
    tell(found, given)
    if settings.figures is not None:
        content = {**asdict(found), "core_rate": found.core_rate, "advice": [asdict(each) for each in given]}
        write_whole(settings.figures, json.dumps(content, indent=1))


def measure(found: "Manifest", settings: BenchSettings, side: int, raw: float | None = None) -> "LoadingProfile":
    """All figures of a prepared folder."""
    from unreel.engine.cpus import cores
    from unreel.video.clips.profile import LoadingProfile, checked, rate, repeated, stages, storage

    clip_length, batch_size = settings.clip_length, settings.batch_size
    waiting = storage([found.file(record) for record in checked(found, clip_length)])
    spent = stages(found, clip_length, batch_size)
    tried = settings.workers or tuple(sorted({0, *(2**k for k in range(8) if 2**k < cores()), cores()}))
    videos = repeated(found, clip_length, batch_size)
    rates = {workers: rate(videos, batch_size, workers, settings.seconds / len(tried)) for workers in tried}
    return LoadingProfile(found.side, side, spent, rates, raw, waiting)


def tell(found: "LoadingProfile", given: "Sequence[Advice]") -> None:
    """Where the time goes, how many cores it takes, and the verdict."""
    whole = sum(found.stages.values())
    table = Table("one core", ("stage", "ms per pair of clips", "share"))
    for name, seconds in found.stages.items():
        table.add(name, f"{1000 * seconds:.2f}", f"{seconds / whole:.0%}")
    table.add("all", f"{1000 * whole:.2f}", f"{found.core_rate:.0f} clips/s")
    show(table)
    table = Table("", ("workers", "clips/s"))
    for workers, rate in found.rates.items():
        table.add(workers, f"{rate:.0f}")
    show(table)
    table = Table("", ("a GPU that takes", *(f"{rate:.0f} clips/s" for rate in GPU_RATES)))
    table.add("needs cores", *(found.cores_needed(rate) for rate in GPU_RATES))
    show(table)
    if found.raw_rate:
        say(f"The videos as they are: {found.raw_rate:.0f} clips/s of one core, not yet made smaller.")
    if found.storage is not None:
        say(f"A file takes {1000 * found.storage:.2f} ms longer from storage than from memory.")
    if not given:
        say("Fine as it is.")
    for number, each in enumerate(given, 1):
        say(f"{number}. {each.text}.")
