"""How long jobs may take and how much they may leave: estimates, and said to be such.

Time: what learning from a clip takes, measured here and now for each encoder, times the clips of a job; embedding is
taken for a third of it, a video for ten clips, decoding to prepare for a rule; reading clips goes on beside computing.
Storage: the weights and velocities that a run keeps, counted, and a rule for prepared videos.
"""

from collections.abc import Callable, Mapping, Sequence

from unreel.engine.cpus import cores
from unreel.planning.costs import run_size
from unreel.planning.counting import encoded_frames, weights
from unreel.reproduction.jobs import ReproductionJob
from unreel.settings.encoder import EncoderSettings
from unreel.settings.pretraining import PretrainSettings

CLIPS_OF_A_VIDEO, CROPS = 10, 5
EMBEDDING = 1 / 3
"""Forward, of forward and backward."""
STARTING = 8.0
"""Seconds until a command begins to work."""
PREPARED_BYTES = 2e6
"""Bytes of compressed video that a CPU prepares in a second; the rule, not measured here."""

Seconds = Callable[[EncoderSettings], float]


def clips_learnt(settings: PretrainSettings) -> float:
    """Clips that a pretraining run learns from: those that the method shows its encoders of every video of a batch."""
    if not settings.steps:
        return 0.0
    return settings.steps * settings.batch_size * encoded_frames(settings).clips(settings.encoder)


def clips_embedded(videos: int, crops: int = CROPS) -> float:
    """What embedding so many videos comes to, in clips learnt from."""
    return EMBEDDING * CLIPS_OF_A_VIDEO * crops * videos


def bytes_of_run(settings: EncoderSettings, keep: int) -> int:
    """The final weights, and those and the velocities of the checkpoints kept, the best one among them."""
    return run_size(weights(settings), keep)


def seconds_of(job: ReproductionJob, pace: Seconds) -> float:
    """How long a job may take."""
    effort = job.effort
    computing = pace(effort.encoder) * effort.clips if effort.encoder and effort.clips else 0.0
    return STARTING + computing + effort.size / PREPARED_BYTES / cores()


def span(jobs: Sequence[ReproductionJob], seconds: Mapping[str, float], places: int) -> float:
    """When the last job ends if each begins, in this order, as soon as a place is free and what it needs is done."""
    free = [0.0] * places
    ends: dict[str, float] = {}
    for job in jobs:
        place = min(range(places), key=free.__getitem__)
        begin = max([free[place], *(ends[need] for need in job.needs)])
        free[place] = ends[job.name] = begin + seconds[job.name]
    return max(ends.values(), default=0.0)
