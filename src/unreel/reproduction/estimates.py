"""How long jobs may take and how much they may leave: estimates, and said to be such.

Time: what learning from a clip takes, measured here and now for each encoder, times the clips of a job; embedding is
taken for a third of it, a video for ten clips, decoding to prepare for a rule; reading clips goes on beside computing.
Storage: the weights and velocities that a run keeps, counted, and a rule for prepared videos.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time

import torch

from unreel import models
from unreel.engine.processors import cores
from unreel.reproduction.jobs import Job
from unreel.settings.pretraining import EncoderSettings, PretrainSettings

CLIPS_OF_A_VIDEO, CROPS = 10, 5
EMBEDDING = 1 / 3
"""Forward, of forward and backward."""
STARTING = 8.0
"""Seconds until a command begins to work."""
PREPARED_BYTES = 2e6
"""Bytes of compressed video that a processor prepares in a second; the rule, not measured here."""
BYTES_OF_WEIGHT = 4
CLIPS_MEASURED = {"cpu": 2, "cuda": 16, "mps": 4}
LOOKS = 2

Seconds = Callable[[EncoderSettings], float]


@dataclass(frozen=True)
class Pace:
    """Seconds to learn from a clip, measured once for each encoder, on a device.

    On processors by the time that one of them computes, divided by the `threads` of a job: what else runs there now
    does not count, nor what is lost between threads.
    """

    device: str
    threads: int = 1
    _known: dict[EncoderSettings, float] = field(default_factory=dict, repr=False)

    def __call__(self, settings: EncoderSettings) -> float:
        """The best of two looks, after one to warm up."""
        if settings not in self._known:
            self._known[settings] = self._measured(settings)
        return self._known[settings]

    def _measured(self, settings: EncoderSettings) -> float:
        count = CLIPS_MEASURED.get(self.device, 2)
        encoder = models.build_from(settings).to(self.device).train()
        clips = torch.zeros(count, 3, settings.clip_length, settings.size, settings.size, device=self.device)
        best, now = float("inf"), process_time if self.device == "cpu" else perf_counter
        with _one_thread():
            for _ in range(1 + LOOKS):
                started = now()
                gradients = torch.autograd.grad(encoder(clips)[5].mean(), list(encoder.parameters()))
                gradients[0].sum().item()  # waits for the device
                best = min(best, now() - started)
        return best / count / self.threads


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def clips_learnt(settings: PretrainSettings) -> float:
    """Clips that a pretraining run learns from: two or three views of every video of a batch."""
    views = 1 + any(settings.alpha) + any(settings.beta)
    return float(settings.steps * settings.batch_size * views)


def clips_embedded(videos: int, crops: int = CROPS) -> float:
    """What embedding so many videos comes to, in clips learnt from."""
    return EMBEDDING * CLIPS_OF_A_VIDEO * crops * videos


def bytes_of_run(settings: EncoderSettings, keep: int) -> int:
    """The final weights, and those and the velocities of the checkpoints kept, the best one among them."""
    with torch.device("meta"):
        encoder = models.build_from(settings)
    weights = BYTES_OF_WEIGHT * sum(each.numel() for each in encoder.parameters())
    return weights * (1 + 2 * (keep + 1))


def prepared_size(size: int) -> int:
    """Bytes of prepared videos: as many as their sources have, which are rarely smaller."""
    return size


def seconds_of(job: Job, pace: Seconds) -> float:
    """How long a job may take."""
    effort = job.effort
    computing = pace(effort.encoder) * effort.clips if effort.encoder and effort.clips else 0.0
    return STARTING + computing + effort.size / PREPARED_BYTES / cores()


def span(jobs: Sequence[Job], seconds: Mapping[str, float], places: int) -> float:
    """When the last job ends if each begins, in this order, as soon as a place is free and what it needs is done."""
    free = [0.0] * places
    ends: dict[str, float] = {}
    for job in jobs:
        place = min(range(places), key=free.__getitem__)
        begin = max([free[place], *(ends[need] for need in job.needs)])
        free[place] = ends[job.name] = begin + seconds[job.name]
    return max(ends.values(), default=0.0)
