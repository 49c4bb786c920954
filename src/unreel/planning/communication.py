"""Bytes and seconds of what the processes of a step exchange.

Of a message of M bytes, p processes in a ring each send (p−1)/p·M to gather it and 2(p−1)/p·M to add it up, the least
there is (Patarasu and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations", JPDC 2009).
"""

from dataclasses import dataclass
from math import ceil, log2

BUCKET = 25 * 2**20
"""Bytes of gradients that DistributedDataParallel adds up at once (its default, `bucket_cap_mb`)."""
BYTES_OF_FLOAT = 4
"""Gradients and embeddings are float32 in mixed precision too."""


@dataclass(frozen=True)
class Network:
    """What connects the processes.

    `inside` and `between` are bytes per second that one process sends while it receives as many: to another of its
    machine, and to another machine, its share of the machine's network. `latency` is seconds per hop. `trees` says that
    a short message takes log₂ p hops (NCCL), not p − 1 (gloo's ring).
    """

    inside: float
    between: float
    latency: float
    per_machine: int = 8
    trees: bool = True

    def bandwidth(self, processes: int) -> float:
        """Bytes per second of a ring through all: that of its slowest link."""
        return self.inside if processes <= self.per_machine else min(self.inside, self.between)

    def hops(self, processes: int) -> int:
        """How many times a message is handed on until every process has it."""
        return ceil(log2(processes)) if self.trees else processes - 1

    def gather(self, size: float | int, processes: int) -> float:
        """Seconds until every process has the `size` bytes of which each had a part."""
        return self._seconds(sent_to_gather(size, processes), self.hops(processes), processes)

    def reduce(self, size: float | int, processes: int) -> float:
        """Seconds until every process has the sum of all their `size` bytes."""
        return self._seconds(sent_to_reduce(size, processes), 2 * self.hops(processes), processes)

    def _seconds(self, sent: float | int, hops: int, processes: int) -> float:
        return sent / self.bandwidth(processes) + hops * self.latency if processes > 1 else 0.0


@dataclass(frozen=True)
class Contrast:
    """One subtask at one level: what every video gives to all the others.

    A vector of `width` floats for each of `positions` temporal positions; `directions` is 2 where anchors and positives
    are compared the other way round as well.
    """

    name: str
    positions: int
    width: int = 128
    directions: int = 1

    def size(self, batch_size: int) -> int:
        """Bytes of the vectors of the whole batch, those of one direction."""
        return batch_size * self.positions * self.width * BYTES_OF_FLOAT

    def similarities(self, batch_size: int, processes: int) -> int:
        """Bytes of the matrices that one process makes: its own anchors by the positives of all."""
        return self.positions * (batch_size // processes) * batch_size * BYTES_OF_FLOAT


def sent_to_gather(size: float | int, processes: int) -> float:
    """Bytes that each process sends, and receives, to gather `size` bytes in all."""
    return size * (processes - 1) / processes


def sent_to_reduce(size: float | int, processes: int) -> float:
    """Bytes that each process sends, and receives, to add up `size` bytes of each."""
    return 2 * sent_to_gather(size, processes)


def buckets(size: float | int) -> int:
    """In how many parts DistributedDataParallel adds up gradients of `size` bytes."""
    return max(1, ceil(size / BUCKET))
