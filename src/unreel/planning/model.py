"""The seconds of one step on p GPUs, what limits it, and what it needs so as not to wait.

    busy  =  computing  +  communicating
    step  =  max(busy, decoding)                               reading ahead goes on beside everything else

docs/scaling.md says where each of these comes from, what is left out, and how it was checked.
"""

from dataclasses import dataclass
from typing import Literal

BYTES_OF_FLOAT = 4
"""Gradients and embeddings are float32 in mixed precision too."""
EMBEDDING_WIDTH = 128
STEP_SECONDS = 0.010
"""What every step costs, however small: starting kernels, the optimiser, Python."""
Limit = Literal["computing", "communicating", "decoding"]


@dataclass(frozen=True)
class StepWork:
    """What a step asks for, whatever computes it.

    `views` are clips that are encoded per video, `read` those decoded for them, `operations` those to learn from one of
    them (a multiplication and an addition are two), `weights` the numbers of the encoder, `vectors` of
    `EMBEDDING_WIDTH` floats what a video is compared by.
    """

    views: float
    operations: float
    weights: int
    vectors: int
    read: float = 2.0

    def sent(self, batch_size: int, gpus: int) -> float:
        """Bytes that each GPU sends, and receives, in a step: in a ring, which is the least there is.

        To gather the vectors of all, and to add up (which is twice that) their gradients and those of the weights.
        """
        vectors = batch_size * self.vectors * EMBEDDING_WIDTH * BYTES_OF_FLOAT
        return (3.0 * vectors + 2.0 * self.weights * BYTES_OF_FLOAT) * (gpus - 1) / gpus

    def similarity_size(self, batch_size: int, gpus: int) -> int:
        """Bytes of the similarities that one GPU holds: of its own vectors with those of all."""
        return self.vectors * (batch_size // gpus) * batch_size * BYTES_OF_FLOAT


@dataclass(frozen=True)
class Machine:
    """What a pretraining runs on.

    `learnt` and `decoded` are clips per second, of one GPU and of one CPU core, `video_size` is bytes read per video.
    `inside` and `between` are bytes per second that one GPU sends while it receives as many: to another of its machine,
    which has `gpus_per_machine`, and to another machine. `cores` decode for each GPU, None: as many as are needed.
    """

    learnt: float
    decoded: float
    video_size: float
    inside: float
    between: float
    gpus_per_machine: int = 8
    cores: float | None = None
    step_seconds: float = STEP_SECONDS

    def bandwidth(self, gpus: int) -> float:
        """Bytes per second of a ring through so many GPUs: that of its slowest link."""
        return self.inside if gpus <= self.gpus_per_machine else min(self.inside, self.between)


@dataclass(frozen=True)
class Step:
    """The seconds of a step, what to change first, and what it needs so as not to wait.

    `storage` is bytes per second that all GPUs read, `network_per_gpu` those that one sends, `similarity_size` bytes.
    """

    gpus: int
    batch_size: int
    seconds: float
    limit: Limit
    cores_per_gpu: float
    storage: float
    network_per_gpu: float
    similarity_size: int


def step(work: StepWork, machine: Machine, batch_size: int, gpus: int) -> Step:
    """What a step of `batch_size` videos takes on so many GPUs, each with an equal share."""
    own, sent = batch_size // gpus, work.sent(batch_size, gpus)
    computing = own * work.views / machine.learnt + machine.step_seconds
    communicating = sent / machine.bandwidth(gpus)
    busy, decoding = computing + communicating, work.read * own / machine.decoded  # on one core
    seconds = max(busy, decoding / machine.cores) if machine.cores else busy
    limit: Limit = "communicating" if communicating > computing else "computing"
    return Step(
        gpus,
        batch_size,
        seconds,
        "decoding" if seconds > busy else limit,
        cores_per_gpu=decoding / busy,
        storage=batch_size * machine.video_size / busy,
        network_per_gpu=sent / busy,
        similarity_size=work.similarity_size(batch_size, gpus),
    )
