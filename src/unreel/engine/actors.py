"""Work by processes that live long, on a Ray cluster: each makes ready once (a model, say) and is then given tasks.

Where the cluster has GPUs each actor has one, otherwise one processor. An actor that is lost, with its node or alone,
loses nothing: its tasks are done by the others, and another is started as soon as there is room for it. Each actor is
given a few tasks ahead and no more before their results are taken: what waits does not grow with the work.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeVar, final

from unreel.engine.pool import cluster
from unreel.errors import UnreelError

Result = TypeVar("Result")

_AHEAD = 2  # tasks of an actor: one that it does and one that waits
_LOSSES = 3  # times that a task may lose its actor before it is taken for the cause


@dataclass(frozen=True)
class Place:
    """Where an actor works: "cuda" or "cpu", with so many processors."""

    device: str
    processors: int


def on_actors(
    make: Callable[[Place], Callable[[Any], Result]], tasks: Sequence[Any], *, actors: int | None = None
) -> Iterator[tuple[int, Result]]:
    """The number and the result of every task, as they get ready; `make` gives, in an actor, what does the tasks.

    The cluster is that of RAY_ADDRESS, the one that runs on this machine, or a new one; `actors` is how many there are
    at the most, all that it has room for where none is given.

    Raises:
        UnreelError: a task has raised it, or has lost its actor again and again.
        OSError: a task has raised it.
        MissingExtraError: Ray is not installed.
    """
    if not tasks:
        return
    with cluster() as ray:
        yield from _Crew(ray, make, tasks, actors).results()


class _Actor:
    """What Ray runs in a process of its own."""

    def __init__(self, make: Callable[[Place], Callable[[Any], Any]], place: Place) -> None:
        from unreel.engine.pool import one_thread

        if place.device == "cpu":
            one_thread()
        self._work = make(place)

    def ready(self) -> None:
        """Returns when there is room for the actor and it is made."""

    def work(self, task: Any) -> Any:
        """The result of a task."""
        return self._work(task)


@final
@dataclass
class _Crew:
    """The actors, and who does what."""

    ray: ModuleType
    make: Callable[[Place], Callable[[Any], Any]]
    tasks: Sequence[Any]
    most: int | None
    waiting: deque[int] = field(default_factory=deque)
    starting: dict[Any, Any] = field(default_factory=dict)
    working: dict[Any, tuple[Any, int]] = field(default_factory=dict)
    losses: Counter[int] = field(default_factory=Counter)

    def results(self) -> Iterator[tuple[int, Any]]:
        """As `on_actors` gives them."""
        self.waiting.extend(range(len(self.tasks)))
        place, room = _place_and_room(self.ray)
        kind = self.ray.remote(num_cpus=place.processors, num_gpus=int(place.device == "cuda"))(_Actor)
        made = self.ray.put(self.make)
        for _ in range(min(self.most or room, len(self.tasks))):
            self._start(kind, made, place)
        while self.waiting or self.working:
            (done,), _ = self.ray.wait([*self.working, *self.starting])
            actor, number = self.working.pop(done) if done in self.working else (self.starting.pop(done), None)
            try:
                result = self.ray.get(done)
            except self.ray.exceptions.RayTaskError as error:
                raise error.cause if isinstance(error.cause, (UnreelError, OSError)) else error from None
            except self.ray.exceptions.RayError as error:  # the actor is lost, or the result with its node
                self._lost(actor, number, error)
                self._start(kind, made, place)
            else:
                if number is not None:
                    yield number, result
                self._occupy(actor)

    def _start(self, kind: Any, made: Any, place: Place) -> None:
        """One more actor, unless those that start are enough for what is left."""
        if len(self.starting) < len(self.waiting):
            actor = kind.remote(made, place)
            self.starting[actor.ready.remote()] = actor

    def _occupy(self, actor: Any) -> None:
        """Give an actor tasks to do, some ahead."""
        while self.waiting and sum(other is actor for other, _ in self.working.values()) < _AHEAD:
            number = self.waiting.popleft()
            self.working[actor.work.remote(self.tasks[number])] = actor, number

    def _lost(self, actor: Any, number: int | None, error: Exception) -> None:
        """Take back what an actor had to do."""
        lost = [reference for reference, (other, _) in self.working.items() if other is actor]
        numbers = ([] if number is None else [number]) + [self.working.pop(reference)[1] for reference in lost]
        self.waiting.extendleft(reversed(numbers))
        self.losses.update(numbers[:1])
        if number is not None and self.losses[number] >= _LOSSES:
            raise UnreelError(
                f"a process of the cluster was lost {_LOSSES} times in the same piece of work, the last time so: "
                f"{str(error).splitlines()[0]} It may lack memory. Run this again to go on."
            ) from error


def _place_and_room(ray: ModuleType) -> tuple[Place, int]:
    """Where each actor works, and for how many there is room now."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    with_gpus = [node for node in nodes if node.get("GPU", 0) >= 1]
    if with_gpus:
        processors = min(int(node.get("CPU", 1) // node["GPU"]) for node in with_gpus)
        return Place("cuda", max(1, processors)), sum(int(node["GPU"]) for node in with_gpus)
    return Place("cpu", 1), max(1, sum(int(node.get("CPU", 0)) for node in nodes))
