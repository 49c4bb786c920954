"""A whole pretraining: its updates, hours and bytes, and what they cost."""

from dataclasses import dataclass

from unreel.planning.model import BYTES_OF_FLOAT, Step

HOUR = 3600.0


@dataclass(frozen=True)
class Cost:
    """What a pretraining takes: `prepared` is bytes of prepared videos, `price` in the currency of the one per hour."""

    videos: int
    prepared: float
    gpus: int
    updates: int
    seconds: float
    gpu_hours: float
    price: float | None


def cost(at: Step, videos: int, video_size: float, epochs: int, price_per_gpu_hour: float | None = None) -> Cost:
    """What so many passes over so many videos, of `video_size` bytes each, take.

    What is left at the end of an epoch and fills no batch is left out, as training does.
    """
    updates = epochs * (videos // at.batch_size)
    seconds = updates * at.seconds
    hours = seconds * at.gpus / HOUR
    price = None if price_per_gpu_hour is None else hours * price_per_gpu_hour
    return Cost(videos, videos * video_size, at.gpus, updates, seconds, hours, price)


def run_size(weights: int, keep: int) -> int:
    """Bytes of a finished run: its weights, and weights and velocities of the checkpoints kept, the best one too."""
    return weights * BYTES_OF_FLOAT * (1 + 2 * (keep + 1))
