"""`unreel plan`."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from pydantic import Field

from unreel import recipes
from unreel.cli.inputs.parsing import parse
from unreel.console import say_json
from unreel.errors import SettingsError
from unreel.settings.hdc import HDCSettings
from unreel.settings.model import Amount, BatchSize, PositiveAmount, PositiveCount, Settings

if TYPE_CHECKING:
    from unreel.cli.tables.plan_tables import Planned
    from unreel.planning.costs import Batch
    from unreel.planning.model import Machine, StepWork
    from unreel.planning.rates import Files, Rate
    from unreel.video.collection.manifest import Manifest

Fraction = Annotated[float, Field(ge=0, le=1)]
GIGABIT = 1e9 / 8
LARGEST_SHIFT = 0.1
"""By how much a batch may differ from what was asked for, to be shared equally."""


class PlanSettings(Settings):
    """Tell what a pretraining will take before it is begun: time, GPUs, CPUs, storage, network, money.

    How fast a device learns is measured here (--measure), given (--clips-per-second), or a share of a GPU's peak
    (--gpu); the output names where every number comes from. docs/scaling.md says how the rest follows, and how it was
    checked.
    """

    videos: Annotated[tuple[PositiveCount, ...], tyro.conf.arg(metavar="N [N ...]")] = ()
    """Numbers of videos of the collections; default: that of --prepared."""
    recipe: str = "hdc"
    """Named settings to pretrain with (unreel pretrain --list-recipes)."""
    epochs: PositiveCount = 200
    """Passes over the videos."""
    seconds_per_video: PositiveAmount | None = None
    """Length of a video on the mean; default: 10, or that of --prepared."""
    prepared: Path | None = None
    """Folder of prepared videos like those planned for: tells their sizes and lengths, and is read by --measure."""
    gpus: Annotated[tuple[PositiveCount, ...], Field(min_length=1)] = (1, 8, 64, 256, 1000)
    """Numbers of GPUs to compare."""
    batch_size: BatchSize | None = None
    """Videos of a step, those of all GPUs together; default: the recipe's."""
    batch_per_gpu: PositiveCount | None = None
    """Videos of a step on each GPU instead: the batch then grows with the number of GPUs."""
    measure: bool = False
    """Measure here and now what is not given: how fast this device learns, and how fast a core reads."""
    clips_per_second: PositiveAmount | None = None
    """Clips that one GPU learns from in a second, forward and backward."""
    gpu: str | None = None
    """Name of a GPU whose peak is known: A100, H100, H200, L40S, RTX-4090, …"""
    utilisation: Annotated[float, Field(gt=0, le=1)] = 0.35
    """Share of that peak that is reached."""
    decode_clips_per_second: PositiveAmount | None = None
    """Clips that one CPU core reads in a second (unreel bench loading); default: a documented figure."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "bf16-mixed"
    """Number format of the forward pass."""
    cores_per_gpu: PositiveAmount | None = None
    """CPU cores that decode for each GPU; default: as many as are needed."""
    storage_gigabytes: PositiveAmount | None = None
    """Gigabytes per second that the storage gives to all GPUs together; default: as many as are needed."""
    gpus_per_machine: PositiveCount = 8
    """GPUs of one machine."""
    machine_gigabits: PositiveAmount = 200.0
    """Gigabits per second between GPUs of one machine, each way; 200 is about a PCIe 4.0 slot."""
    network_gigabits: PositiveAmount = 100.0
    """Gigabits per second that each GPU has of the network between machines, each way."""
    latency: Amount = 15.0
    """Microseconds in which a short message reaches the next GPU."""
    jitter: Fraction = 0.03
    """Standard deviation of a GPU's computing time from step to step, as a share of it."""
    overlap: Fraction = 0.5
    """Share of the backward pass behind which gradients are added up."""
    step_milliseconds: Amount = 10.0
    """What every step costs, however small: starting kernels, the optimiser, Python."""
    chunk_size: PositiveCount | None = None
    """Anchors that the loss compares at a time, as in unreel pretrain."""
    price_per_gpu_hour: Amount | None = None
    """Price of one GPU for an hour."""
    keep: PositiveCount = 2
    """Checkpoints kept."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """Print JSON, for programs."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(PlanSettings, "plan", arguments))


def run(settings: PlanSettings) -> None:
    """Plan and print.

    Raises:
        SettingsError: no rate is given, several are, or nothing that was asked for is possible.
        CollectionError: --prepared is no prepared folder.
    """
    from unreel.cli.tables.plan_tables import content, tell

    check(settings)
    found = planned(settings)
    if settings.as_json:
        say_json(content(found))
    else:
        tell(found)


def check(settings: PlanSettings) -> None:
    """Nothing, if the options go together.

    Raises:
        SettingsError: they do not.
    """
    if not settings.videos and settings.prepared is None:
        raise SettingsError(
            "got no --videos, expected how many videos there are. Give numbers (--videos 240_000 100_000_000), or a "
            "prepared folder (--prepared FOLDER), whose videos are then counted."
        )
    if settings.gpu is not None and settings.clips_per_second is not None:
        raise SettingsError(
            f"got --gpu {settings.gpu} and --clips-per-second {settings.clips_per_second:g}, expected one of them: "
            "each says how fast a GPU learns. Leave one away."
        )
    if settings.gpu is None and settings.clips_per_second is None and not settings.measure:
        raise SettingsError(
            "got nothing that says how fast a GPU learns. Give --measure (this device, now), --clips-per-second R "
            "(what you have measured), or --gpu NAME (a share of the peak on its data sheet)."
        )
    if settings.gpu is not None and settings.precision == "32-true":
        raise SettingsError(
            f"got --gpu {settings.gpu} with --precision 32-true, but the peaks of data sheets are for bfloat16. Give "
            "--clips-per-second R or --measure, or another --precision."
        )
    if settings.batch_size is not None and settings.batch_per_gpu is not None:
        raise SettingsError(
            f"got --batch-size {settings.batch_size} and --batch-per-gpu {settings.batch_per_gpu}, expected one of "
            "them: a batch stays the same on any number of GPUs, or grows with them. Leave one away."
        )
    if settings.prepared is not None and settings.seconds_per_video is not None:
        raise SettingsError(
            f"got --seconds-per-video {settings.seconds_per_video:g} and --prepared {settings.prepared}, whose videos "
            "tell how long they are. Leave one away."
        )


def planned(settings: PlanSettings) -> "Planned":
    """All that is printed."""
    from unreel.cli.tables.plan_tables import Planned
    from unreel.planning.costs import cost, scale
    from unreel.planning.counting import work

    learning = pretrain_settings(settings)
    asked = work(learning)
    files, machine, sources = _machine(settings, learning, asked)
    batches = _batches(settings, learning.batch_size)
    scales = [scale(asked, machine, batch) for batch in batches if batch]
    sizes = settings.videos or ((files.count,) if files.count else ())
    fitting = [(at, videos) for videos in sizes for at in scales if at.batch.size <= videos]
    if not fitting:
        least = min(at.batch.size for at in scales)
        raise SettingsError(
            f"got {max(sizes)} videos, expected at least {least} to fill a batch. Choose a smaller --batch-size or "
            "--batch-per-gpu."
        )
    return Planned(
        settings=learning,
        asked=settings,
        work=asked,
        machine=machine,
        files=files,
        sources=sources,
        scales=scales,
        skipped=[count for count, batch in zip(settings.gpus, batches, strict=True) if batch is None],
        videos=list(sizes),
        costs=[cost(at, videos, settings.epochs, settings.price_per_gpu_hour) for at, videos in fitting],
    )


def pretrain_settings(settings: PlanSettings) -> HDCSettings:
    """The recipe's settings, with what the plan changes in them."""
    changes = {**recipes.changes(settings.recipe), "precision": settings.precision, "chunk_size": settings.chunk_size}
    if settings.batch_size is not None:
        changes["batch_size"] = settings.batch_size
    return HDCSettings.model_validate({**changes, "folder": "planned", "out": "planned", "keep": settings.keep})


def _batches(settings: PlanSettings, asked: int) -> "list[Batch | None]":
    """The batch for every number of GPUs, None where it cannot be shared by so many.

    Raises:
        SettingsError: no number of GPUs is possible.
    """
    from unreel.planning.costs import Batch, shared

    if settings.batch_per_gpu is not None:
        own = settings.batch_per_gpu
        return [Batch(own * count, count, own * count) for count in settings.gpus]
    batches = [shared(asked, count) for count in settings.gpus]
    near = [batch if batch and abs(batch.size - asked) <= LARGEST_SHIFT * asked else None for batch in batches]
    if not any(near):
        raise SettingsError(
            f"got a batch of {asked} videos, which {', '.join(map(str, settings.gpus))} GPUs cannot share equally. "
            "Choose a --batch-size that is a multiple of their number, or --batch-per-gpu."
        )
    return near


def _machine(
    settings: PlanSettings, learning: HDCSettings, asked: "StepWork"
) -> "tuple[Files, Machine, dict[str, Rate]]":
    """The videos' files, what they are to be learnt on, and where both rates come from."""
    from unreel.planning.communication import Network
    from unreel.planning.model import Device, Machine, Reading
    from unreel.planning.rates import files_documented, files_of
    from unreel.video.collection.manifest import Manifest

    manifest = Manifest.read(settings.prepared) if settings.prepared else None
    files = (
        files_of(manifest, manifest.root)
        if manifest
        else files_documented(learning.encoder_settings, settings.seconds_per_video or 10.0)
    )
    rates = {"learning": _learning(settings, learning, asked), "reading": _reading(settings, learning, manifest)}
    device = Device(rates["learning"].per_second, settings.step_milliseconds / 1e3, settings.jitter, settings.overlap)
    storage = settings.storage_gigabytes and settings.storage_gigabytes * 1e9
    reading = Reading(rates["reading"].per_second, files.size, settings.cores_per_gpu, storage)
    network = Network(
        settings.machine_gigabits * GIGABIT,
        settings.network_gigabits * GIGABIT,
        settings.latency / 1e6,
        settings.gpus_per_machine,
    )
    return files, Machine(device, reading, network), rates


def _learning(settings: PlanSettings, learning: HDCSettings, asked: "StepWork") -> "Rate":
    from unreel.planning.rates import Rate, learning_from_peak, learning_measured

    if settings.clips_per_second is not None:
        return Rate(settings.clips_per_second, "given: --clips-per-second")
    if settings.gpu is not None:
        return learning_from_peak(asked.operations, settings.gpu, settings.utilisation)
    return learning_measured(learning.encoder_settings, settings.precision)


def _reading(settings: PlanSettings, learning: HDCSettings, manifest: "Manifest | None") -> "Rate":
    from unreel.planning.rates import Rate, decoding_documented, decoding_measured, synthesised

    if settings.decode_clips_per_second is not None:
        return Rate(settings.decode_clips_per_second, "given: --decode-clips-per-second")
    encoder = learning.encoder_settings
    if not settings.measure:
        return decoding_documented(encoder)
    if manifest is not None:
        return decoding_measured(manifest, encoder.clip_length, f"videos of {settings.prepared}")
    with tempfile.TemporaryDirectory() as name:
        made = synthesised(Path(name), encoder)
        return decoding_measured(made, encoder.clip_length, f"videos made on the spot, {encoder.prepared_side} px")
