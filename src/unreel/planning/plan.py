"""The answer: what a step takes on each number of GPUs, and what the whole costs for each collection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unreel.errors import SettingsError
from unreel.planning import rates
from unreel.planning.costs import Cost, cost
from unreel.planning.counting import work
from unreel.planning.model import Machine, Step, StepWork, step
from unreel.planning.question import PlanSettings
from unreel.planning.rates import Files, Rate
from unreel.settings.pretraining import PretrainSettings, pretraining
from unreel.video.collection.manifest import Manifest

GIGABIT = 1e9 / 8
SECONDS = 10.0
"""Length of a video of which nothing is said."""


@dataclass(frozen=True)
class Plan:
    """A plan: what was asked, what it was reckoned from, and what came of it.

    `steps` has one for every number of GPUs that can share a batch equally, `costs` a pretraining for every collection
    that fills the batch of a step.
    """

    asked: PlanSettings
    settings: PretrainSettings
    work: StepWork
    files: Files
    learning: Rate
    reading: Rate
    steps: Sequence[Step]
    costs: Sequence[Cost]


def make_plan(asked: PlanSettings, recipe: Mapping[str, Any]) -> Plan:
    """The plan of a pretraining with these settings of a recipe.

    Raises:
        SettingsError: nothing that was asked for is possible.
        CollectionError: --prepared is no prepared folder.
    """
    size = {} if asked.batch_size is None else {"batch_size": asked.batch_size}
    changes = {**recipe, **size, "precision": asked.precision, "folder": "planned", "out": "planned"}
    settings = pretraining(changes, f"recipe {asked.recipe}")
    needed = work(settings)
    manifest = Manifest.read(asked.prepared) if asked.prepared else None
    seconds, encoder = asked.seconds_per_video or SECONDS, settings.encoder_settings
    files = rates.files_of(manifest) if manifest else rates.files_documented(encoder, seconds)
    learning, reading = _learning(asked, settings, needed), _reading(asked, settings, manifest)
    machine = Machine(
        learning.per_second,
        reading.per_second,
        files.size,
        asked.machine_gigabits * GIGABIT,
        asked.network_gigabits * GIGABIT,
        asked.gpus_per_machine,
        asked.cores_per_gpu,
    )
    steps = [step(needed, machine, batch, gpus) for gpus, batch in _batches(asked, settings.batch_size).items()]
    return Plan(asked, settings, needed, files, learning, reading, steps, _costs(asked, files, steps))


def _batches(asked: PlanSettings, batch_size: int) -> dict[int, int]:
    """The batch for every number of GPUs that can share it equally."""
    if asked.batch_per_gpu is not None:
        return {gpus: asked.batch_per_gpu * gpus for gpus in asked.gpus}
    found = {gpus: batch_size for gpus in asked.gpus if batch_size % gpus == 0}
    if not found:
        raise SettingsError(
            f"got a batch of {batch_size} videos, which {', '.join(map(str, asked.gpus))} GPUs cannot share equally. "
            "Choose a --batch-size that is a multiple of their number, or --batch-per-gpu."
        )
    return found


def _costs(asked: PlanSettings, files: Files, steps: Sequence[Step]) -> list[Cost]:
    """Those of every collection on every number of GPUs whose batch it fills."""
    videos = asked.videos or (files.count or 0,)
    costs = [
        cost(each, count, files.size, asked.epochs, asked.price_per_gpu_hour)
        for count in videos
        for each in steps
        if each.batch_size <= count
    ]
    if not costs:
        raise SettingsError(
            f"got {max(videos)} videos, expected at least {min(each.batch_size for each in steps)} to fill a batch. "
            "Choose a smaller --batch-size or --batch-per-gpu."
        )
    return costs


def _learning(asked: PlanSettings, settings: PretrainSettings, needed: StepWork) -> Rate:
    if asked.clips_per_second is not None:
        return Rate(asked.clips_per_second, "given: --clips-per-second")
    if asked.gpu is not None:
        return rates.learning_from_peak(needed.operations, asked.gpu, asked.utilisation)
    return rates.learning_measured(settings.encoder_settings, asked.precision)


def _reading(asked: PlanSettings, settings: PretrainSettings, manifest: Manifest | None) -> Rate:
    if asked.decode_clips_per_second is not None:
        return Rate(asked.decode_clips_per_second, "given: --decode-clips-per-second")
    if asked.measure and manifest is not None:
        return rates.decoding_measured(manifest, settings.encoder.clip_length)
    return rates.decoding_documented(settings.encoder_settings)
