"""A whole pretraining: its steps, hours and bytes, and what they cost."""

from dataclasses import dataclass

from unreel.planning.communication import BYTES_OF_FLOAT
from unreel.planning.model import Machine, Step, StepWork, step

HOUR = 3600.0


@dataclass(frozen=True)
class Batch:
    """How a batch is shared: `size` videos in all, equally many for each of `processes`; `asked` for were so many."""

    size: int
    processes: int
    asked: int

    @property
    def own(self) -> int:
        """Videos of one process."""
        return self.size // self.processes


@dataclass(frozen=True)
class StepCost:
    """A step on so many processes, and what it needs not to wait.

    `cores` are CPUs per process that decode, `storage` bytes per second of all, `sent` bytes of one process per
    step, `network` the same per second, `similarities` bytes of one process.
    """

    batch: Batch
    step: Step
    cores: float
    storage: float
    sent: float
    network: float
    similarities: int


@dataclass(frozen=True)
class Cost:
    """What a pretraining takes; `price` is in the currency of the price per hour, None where there is none."""

    videos: int
    processes: int
    updates: int
    seconds: float
    price: float | None

    @property
    def hours(self) -> float:
        """Hours of all devices together."""
        return self.seconds * self.processes / HOUR


def shared(asked: int, processes: int) -> Batch | None:
    """The batch nearest to `asked` that can be shared equally; None where there are fewer videos than processes."""
    return Batch(max(1, round(asked / processes)) * processes, processes, asked) if processes <= asked else None


def scale(work: StepWork, machine: Machine, batch: Batch) -> StepCost:
    """A step of the batch, and what it needs."""
    took = step(work, machine, batch.size, batch.processes)
    sent = work.sent(batch.size, batch.processes)
    return StepCost(
        batch,
        took,
        cores=machine.reading.cores_needed(batch.size, batch.processes, took.busy),
        storage=batch.size * machine.reading.video_size / took.busy,
        sent=sent,
        network=sent / took.busy,
        similarities=work.similarity_size(batch.size, batch.processes),
    )


def updates(videos: int, batch_size: int, epochs: int) -> int:
    """Updates of the weights; what is left at the end of an epoch and fills no batch is left out, as training does."""
    return epochs * (videos // batch_size)


def cost(at: StepCost, videos: int, epochs: int, price_per_hour: float | None = None) -> Cost:
    """What so many passes over so many videos take."""
    count, processes = updates(videos, at.batch.size, epochs), at.batch.processes
    seconds = count * at.step.seconds
    price = None if price_per_hour is None else seconds * processes / HOUR * price_per_hour
    return Cost(videos, processes, count, seconds, price)


def run_size(weights: int, keep: int) -> int:
    """Bytes of a finished run: its weights, and weights and velocities of the checkpoints kept, the best one too."""
    return weights * BYTES_OF_FLOAT * (1 + 2 * (keep + 1))
