"""What is asked of a plan: the options of `unreel plan`, and whether they go together."""

from pathlib import Path
from typing import Annotated, Literal

import tyro
from pydantic import Field

from unreel.errors import SettingsError
from unreel.settings.model import Amount, BatchSize, PositiveAmount, PositiveCount, Settings


class PlanSettings(Settings):
    """Tell what a pretraining will take before it is begun: time, GPUs, CPUs, storage, network, money.

    How fast a GPU learns is measured here (--measure), given (--clips-per-second), or a share of its peak (--gpu); the
    output names where every number comes from. docs/scaling.md says how the rest follows, and how it was checked.
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
    gpus: Annotated[tuple[PositiveCount, ...], Field(min_length=1)] = (1, 8, 64, 256, 1024)
    """Numbers of GPUs to compare."""
    batch_size: BatchSize | None = None
    """Videos of a step, those of all GPUs together; default: the recipe's."""
    batch_per_gpu: PositiveCount | None = None
    """Videos of a step on each GPU instead: the batch then grows with the number of GPUs."""
    measure: bool = False
    """Measure here and now what is not given: how fast this device learns, and how fast a core reads --prepared."""
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
    gpus_per_machine: PositiveCount = 8
    """GPUs of one machine."""
    machine_gigabits: PositiveAmount = 200.0
    """Gigabits per second between GPUs of one machine, each way; 200 is about a PCIe 4.0 slot."""
    network_gigabits: PositiveAmount = 100.0
    """Gigabits per second that each GPU has of the network between machines, each way."""
    price_per_gpu_hour: Amount | None = None
    """Price of one GPU for an hour."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """Print JSON, for programs."""


def check(asked: PlanSettings) -> None:
    """Raise SettingsError if options are missing, or do not go together."""
    faults = {
        "got no --videos, expected how many videos there are. Give numbers (--videos 240_000 100_000_000), or a "
        "prepared folder (--prepared FOLDER), whose videos are then counted.": not asked.videos and not asked.prepared,
        "got --gpu and --clips-per-second, expected one of them: each says how fast a GPU learns. Leave one away.": (
            asked.gpu and asked.clips_per_second
        ),
        "got nothing that says how fast a GPU learns. Give --measure (this device, now), --clips-per-second R (what "
        "you have measured), or --gpu NAME (a share of the peak on its data sheet).": (
            not (asked.gpu or asked.clips_per_second or asked.measure)
        ),
        "got --gpu with --precision 32-true, but the peaks of data sheets are for bfloat16. Give --clips-per-second R "
        "or --measure, or another --precision.": asked.gpu and asked.precision == "32-true",
        "got --batch-size and --batch-per-gpu, expected one of them: a batch stays the same on any number of GPUs, or "
        "grows with them. Leave one away.": asked.batch_size and asked.batch_per_gpu,
        "got --seconds-per-video and --prepared, whose videos tell how long they are. Leave one away.": (
            asked.prepared and asked.seconds_per_video
        ),
    }
    for fault, there in faults.items():
        if there:
            raise SettingsError(fault)
