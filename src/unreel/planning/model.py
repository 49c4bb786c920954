"""The seconds of one step in p processes, and what limits it.

    busy  =  compute  +  communication  +  straggling
    step  =  max(busy, decoding, reading from storage)              reading ahead goes on beside everything else

    compute         b/p videos × views / rate  +  similarities (b/p × b)  +  what every step costs
    communication   gathering positives, and their gradients: nothing to hide behind
                    + adding up gradients, as far as it does not hide behind the backward pass
    straggling      jitter × compute × the expected maximum of p standard normals

docs/scaling.md says where each of these comes from and how it was checked.
"""

from dataclasses import dataclass, field
from typing import Literal

from unreel.planning.communication import BYTES_OF_FLOAT, Contrast, Network, buckets, sent_to_gather, sent_to_reduce
from unreel.planning.stragglers import expected_maximum

BACKWARD = 2 / 3
"""Share of the backward pass in the operations of a step."""
CLIPS_READ = 2
"""Clips of a video that are decoded for a step: x and Γ(x)."""
CONTROLS = 2
"""Short messages per step by which the processes agree whether to stop."""
Limit = Literal["compute", "communication", "stragglers", "decoding", "storage"]


@dataclass(frozen=True)
class StepWork:
    """What a step asks for, whatever computes it.

    `views` are clips that are encoded per video, `operations` those to learn from one of them (a multiplication and an
    addition are two), `weights` the numbers that are trained.
    """

    views: int
    operations: float
    weights: int
    contrasts: tuple[Contrast, ...]

    @property
    def gradient_size(self) -> int:
        """Bytes of the gradients."""
        return self.weights * BYTES_OF_FLOAT

    def similarity_operations(self, batch_size: int, processes: int) -> float:
        """Operations of comparing one process's anchors with all positives: forward, and twice that backward."""
        own = batch_size / processes
        return sum(
            (3.0 * 2 * own * batch_size * each.positions * each.width * each.directions for each in self.contrasts), 0.0
        )

    def similarity_size(self, batch_size: int, processes: int) -> int:
        """Bytes of all similarities of one process, each held once."""
        return sum(each.similarities(batch_size, processes) * each.directions for each in self.contrasts)

    def sent(self, batch_size: int, processes: int) -> float:
        """Bytes that each process sends in a step: positives, their gradients, the gradients of the weights."""
        sizes = [each.size(batch_size) * each.directions for each in self.contrasts]
        vectors = sum((sent_to_gather(size, processes) + sent_to_reduce(size, processes) for size in sizes), 0.0)
        return vectors + sent_to_reduce(self.gradient_size, processes)


@dataclass(frozen=True)
class Device:
    """What computes, one for each process.

    `clips_per_second` are encoded forward and backward, `step_seconds` pass in every step whatever its size, `jitter`
    is the standard deviation of a process's computing as a share of it, `overlap` the share of the backward pass behind
    which gradients can be added up. `shared_cores` is the number of CPUs that all processes share, where
    CPUs compute and each process takes one.
    """

    clips_per_second: float
    step_seconds: float = 0.0
    jitter: float = 0.0
    overlap: float = 0.5
    shared_cores: int | None = None

    def slowdown(self, processes: int) -> float:
        """How many times as long it takes because processes wait for a CPU."""
        return max(1.0, processes / self.shared_cores) if self.shared_cores else 1.0


@dataclass(frozen=True)
class Reading:
    """What brings the clips.

    `clips_per_second` are those of one core; `cores` are those per process, None for as many as are needed; `storage`
    is bytes per second for all processes together, None for as many as are needed; `video_size` is bytes read per
    video.
    """

    clips_per_second: float
    video_size: float
    cores: float | None = None
    storage: float | None = None

    def decoding(self, batch_size: int, processes: int) -> float:
        """Seconds to decode one process's share of a batch."""
        return CLIPS_READ * batch_size / processes / (self.clips_per_second * self.cores) if self.cores else 0.0

    def fetching(self, batch_size: int) -> float:
        """Seconds in which the storage hands out a batch."""
        return batch_size * self.video_size / self.storage if self.storage else 0.0

    def cores_needed(self, batch_size: int, processes: int, seconds: float) -> float:
        """Cores per process that decode its share of a batch in that time."""
        return CLIPS_READ * batch_size / processes / seconds / self.clips_per_second


@dataclass(frozen=True)
class Machine:
    """All that a pretraining runs on."""

    device: Device
    reading: Reading
    network: Network


@dataclass(frozen=True)
class Step:
    """Seconds of a step and where they go; `limit` is what to change first."""

    compute: float
    gathering: float
    reducing: float
    straggling: float
    waiting: float
    limit: Limit = field(compare=False)

    @property
    def communication(self) -> float:
        """Seconds in which nothing is computed because processes exchange something."""
        return self.gathering + self.reducing

    @property
    def busy(self) -> float:
        """Seconds of a step that never waits for data."""
        return self.compute + self.communication + self.straggling

    @property
    def seconds(self) -> float:
        """Seconds of the step."""
        return self.busy + self.waiting


def step(work: StepWork, machine: Machine, batch_size: int, processes: int) -> Step:
    """How long a step of `batch_size` videos takes in so many processes, each with an equal share."""
    compute = _compute(work, machine.device, batch_size, processes)
    gathering = _gathering(work, machine.network, batch_size, processes)
    reducing = _reducing(work, machine, compute, processes)
    straggling = machine.device.jitter * compute * expected_maximum(processes)
    busy = compute + gathering + reducing + straggling
    decoding, fetching = machine.reading.decoding(batch_size, processes), machine.reading.fetching(batch_size)
    waiting = max(0.0, max(decoding, fetching) - busy)
    own: dict[Limit, float] = {"compute": compute, "communication": gathering + reducing, "stragglers": straggling}
    late: Limit = "decoding" if decoding >= fetching else "storage"
    limit = late if waiting else max(own, key=lambda name: own[name])
    return Step(compute, gathering, reducing, straggling, waiting, limit)


def _compute(work: StepWork, device: Device, batch_size: int, processes: int) -> float:
    clips = batch_size / processes * work.views + work.similarity_operations(batch_size, processes) / work.operations
    return (clips / device.clips_per_second + device.step_seconds) * device.slowdown(processes)


def _gathering(work: StepWork, network: Network, batch_size: int, processes: int) -> float:
    """Positives to all, the sum of their gradients back, the mean loss, and the question whether to stop."""
    seconds = CONTROLS * network.gather(0, processes)
    for each in work.contrasts:
        size = each.size(batch_size)
        once = network.gather(size, processes) + network.reduce(size, processes) + network.reduce(0, processes)
        seconds += each.directions * once
    return seconds


def _reducing(work: StepWork, machine: Machine, compute: float, processes: int) -> float:
    """What the sum of the gradients adds to a step: its last bucket is ready only when the backward pass has ended."""
    size, network = work.gradient_size, machine.network
    parts = buckets(size)
    last = network.reduce(size / parts, processes)
    hidden = machine.device.overlap * BACKWARD * compute
    return max(last, parts * last - hidden)
