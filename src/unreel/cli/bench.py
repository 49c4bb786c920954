"""`unreel bench loading`."""

import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import tyro
from pydantic import Field

from unreel.cli.inputs.parsing import parse
from unreel.console import Table, explain, say, show
from unreel.errors import SettingsError
from unreel.settings.encoder import ClipLength, Size
from unreel.settings.model import Seconds, Settings, Workers

if TYPE_CHECKING:
    from unreel.video.clips.datasets import TrainingDataset
    from unreel.video.clips.profile import Advice, LoadingProfile
    from unreel.video.collection.manifest import Manifest

KINDS = ("loading",)
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
    from unreel.video.clips.profile import advice, raw_rate, sample_prepared
    from unreel.video.collection.manifest import Manifest, is_prepared

    if settings.figures is not None:
        check_free(settings.figures)
    if is_prepared(settings.folder):
        found = measured(Manifest.read(settings.folder), settings, None)
    else:
        with tempfile.TemporaryDirectory() as name:
            sample = sample_prepared(settings.folder, Path(name) / "sample", _side(settings))
            found = measured(sample, settings, raw_rate(sample, settings.clip_length))
    given = advice(found)
    tell(found, given)
    if settings.figures is not None:
        content = {**asdict(found), "advice": [asdict(each) for each in given]}
        write_whole(settings.figures, json.dumps(content, indent=1))


def measured(manifest: "Manifest", settings: BenchSettings, raw_rate: float | None) -> "LoadingProfile":
    """All figures of a prepared folder."""
    import torch

    from unreel.engine.cpus import cores
    from unreel.video.clips.datasets import TrainingDataset
    from unreel.video.clips.profile import LoadingProfile, checked, rate, stages, storage
    from unreel.video.clips.sampling import TwoClips

    records = checked(manifest, settings.clip_length)
    cold = storage([manifest.file(record) for record in records])
    batch_size = settings.batch_size
    # a batch may be larger than a sample: then its videos are read several times
    repeated = TrainingDataset(manifest, records * -(-batch_size // len(records)), TwoClips(settings.clip_length), 0)
    tried = settings.workers or tuple(sorted({0, *(2**k for k in range(8) if 2**k < cores()), cores()}))
    sizes = [manifest.file(record).stat().st_size for record in records]
    return LoadingProfile(
        side=manifest.side,
        needed_side=_side(settings),
        cores=cores(),
        threads=torch.get_num_threads(),
        stages=stages(manifest, settings.clip_length, batch_size),
        rates={workers: rate(repeated, batch_size, workers, settings.seconds / len(tried)) for workers in tried},
        augmentation=augmentation(repeated, settings.size),
        raw_rate=raw_rate,
        storage=cold,
        collection_size=round(sum(sizes) / len(sizes) * len(manifest.usable)),
        memory_size=_memory(),
    )


def augmentation(dataset: "TrainingDataset", size: int) -> float:
    """Seconds per pair for the three views of HDC, on one core."""
    from unreel.augment import apply_views, draw_views
    from unreel.engine.device import one_thread
    from unreel.settings.augmentation import AugmentationSettings
    from unreel.video.clips.loading import collate

    batch, seconds = collate([dataset[0, 0]]), []
    frames = batch.luma.shape[2]
    with one_thread():
        for _ in range(5):
            started = perf_counter()
            for view, clip in (("o", 0), ("s", 0), ("t", 1)):
                draws = draw_views(AugmentationSettings(), seed=0, epoch=0, ids=batch.ids, view=view, frames=frames)
                apply_views(batch.luma[:, clip], batch.chroma[:, clip], batch.to_rgb, draws, size)
            seconds.append(perf_counter() - started)
    return median(seconds)


def tell(found: "LoadingProfile", given: "Sequence[Advice]") -> None:
    """Where the time goes, how many cores it takes, and the verdict."""
    from unreel.video.clips.profile import GPU_RATES, cores_needed

    whole = sum(found.stages.values())
    table = Table("one core", ("stage", "ms per pair of clips", "share"))
    for name, seconds in found.stages.items():
        table.add(name, f"{1000 * seconds:.2f}", f"{seconds / whole:.0%}")
    table.add("all", f"{1000 * whole:.2f}", f"{found.core_rate:.0f} clips/s")
    show(table)
    say(f"Views are made where the encoder is: {1000 * found.augmentation:.2f} ms per pair on a core.")
    table = Table("", ("workers", "clips/s"))
    for workers, rate in found.rates.items():
        table.add(workers, f"{rate:.0f}")
    show(table)
    table = Table("", ("a GPU that takes", *(f"{rate:.0f} clips/s" for rate in GPU_RATES)))
    table.add("needs cores", *(cores_needed(rate, found.core_rate) for rate in GPU_RATES))
    show(table)
    if found.raw_rate is not None:
        say(f"The videos as they are: {found.raw_rate:.0f} clips/s of one core, not yet made smaller.")
    if found.storage is not None:
        cold, warm = 1000 * found.storage.cold, 1000 * found.storage.warm
        say(f"Bytes of a file: {cold:.2f} ms from storage, {warm:.2f} ms from memory.")
    if not given:
        say("Fine as it is.")
    for number, each in enumerate(given, 1):
        say(f"{number}. {each.text}.")


def _side(settings: BenchSettings) -> int:
    from unreel.settings.encoder import EncoderSettings

    return EncoderSettings(size=settings.size, clip_length=settings.clip_length).prepared_side


def _memory() -> int:
    """Bytes of the machine's memory, 0 where the system does not say."""
    with suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 0
