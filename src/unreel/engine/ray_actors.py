"""Work by processes that live long, on a Ray cluster: each makes ready once (a model, say) and is then given tasks.

Where the cluster has GPUs each actor has one, otherwise one CPU. An actor that is lost, with its node or alone,
loses nothing: its tasks are done by the others, and another is started as soon as there is room for it. Each actor is
given a few tasks ahead and no more before their results are taken: what waits does not grow with the work.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeVar, final

from unreel.engine.cpus import keep_to_one_thread
from unreel.engine.executor import cluster
from unreel.errors import UnreelError

Result = TypeVar("Result")

_AHEAD = 2  # tasks of an actor: one that it does and one that waits
_LOSSES = 3  # times that a task may lose its actor, or an actor be lost before it is ready


@dataclass(frozen=True)
class ActorResources:
    """Where an actor works: "cuda" or "cpu", with so many CPUs."""

    device: str
    cpus: int


def on_actors(
    make: Callable[[ActorResources], Callable[[Any], Result]], tasks: Sequence[Any], *, actors: int | None = None
) -> Iterator[tuple[int, Result]]:
    """The number and the result of every task, as they get ready; `make` gives, in an actor, what does the tasks.

    The cluster is that of RAY_ADDRESS, the one that runs on this machine, or a new one; `actors` is how many there are
    at the most, all that it has room for where none is given.

    Raises:
        UnreelError: a task has raised it, or actors are lost again and again: in the same task, or before any.
        OSError: a task has raised it.
        MissingExtraError: Ray is not installed.
    """
    if not tasks:
        return
    with cluster() as ray:
        yield from _Crew(ray, make, tasks, actors).results()


class _Actor:
    """What Ray runs in a process of its own."""

    def __init__(self, make: Callable[[ActorResources], Callable[[Any], Any]], place: ActorResources) -> None:
        if place.device == "cpu":
            keep_to_one_thread()
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
    make: Callable[[ActorResources], Callable[[Any], Any]]
    tasks: Sequence[Any]
    most: int | None
    waiting: deque[int] = field(default_factory=deque)
    starting: dict[Any, Any] = field(default_factory=dict)
    ready: list[Any] = field(default_factory=list)
    working: dict[Any, tuple[Any, int]] = field(default_factory=dict)
    losses: Counter[int] = field(default_factory=Counter)
    unready: int = 0

    def results(self) -> Iterator[tuple[int, Any]]:
        """As `on_actors` gives them."""
        self.waiting.extend(range(len(self.tasks)))
        place, room = _place_and_room(self.ray)
        kind = self.ray.remote(num_cpus=place.cpus, num_gpus=int(place.device == "cuda"))(_Actor)
        made = self.ray.put(self.make)
        for _ in range(min(self.most or room, len(self.tasks))):
            self._start(kind, made, place)
        while self.waiting or self.working:
            (done,), _ = self.ray.wait([*self.working, *self.starting])
            try:
                result = self.ray.get(done)
            except self.ray.exceptions.RayTaskError as error:
                raise error.cause if isinstance(error.cause, (UnreelError, OSError)) else error from None
            except self.ray.exceptions.RayError as error:  # the actor is lost, or the result with its node
                self._take_back(done, str(error))
                self._occupy()
                self._start(kind, made, place)
            else:
                if done in self.starting:
                    self.unready = 0
                    self.ready.append(self.starting.pop(done))
                else:
                    _, number = self.working.pop(done)
                    yield number, result
                self._occupy()

    def _start(self, kind: Any, made: Any, place: ActorResources) -> None:
        """One more actor, unless those that start are enough for what is left."""
        if len(self.starting) < len(self.waiting):
            actor = kind.remote(made, place)
            self.starting[actor.ready.remote()] = actor

    def _occupy(self) -> None:
        """Give the actors tasks to do, some ahead, to each as many as to the others."""
        busy = Counter(id(actor) for actor, _ in self.working.values())
        for ahead in range(_AHEAD):
            for actor in self.ready:
                if self.waiting and busy[id(actor)] == ahead:
                    number = self.waiting.popleft()
                    self.working[actor.work.remote(self.tasks[number])] = actor, number
                    busy[id(actor)] += 1

    def _take_back(self, done: Any, words: str) -> None:
        """Take back what a lost actor had to do; the first of it is what it was at.

        Raises:
            UnreelError: that has happened too often.
        """
        if done in self.starting:
            del self.starting[done]
            self.unready += 1
            if self.unready >= _LOSSES:
                why = words.strip().splitlines()[-1]
                raise UnreelError(f"a process of the cluster could not be made ready {_LOSSES} times ({why}).")
            return
        actor, _ = self.working[done]
        self.ready = [other for other in self.ready if other is not actor]
        lost = [reference for reference, (other, _) in self.working.items() if other is actor]
        numbers = [self.working.pop(reference)[1] for reference in lost]
        self.waiting.extendleft(reversed(numbers))
        self.losses[numbers[0]] += 1
        if self.losses[numbers[0]] >= _LOSSES:
            raise UnreelError(
                f"a process of the cluster was lost {_LOSSES} times in the same piece of work; it may lack memory "
                f"({words.strip().splitlines()[0]}). Run this again to resume."
            )


def _place_and_room(ray: ModuleType) -> tuple[ActorResources, int]:
    """Where each actor works, and for how many there is room now."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    with_gpus = [node for node in nodes if node.get("GPU", 0) >= 1]
    if with_gpus:
        cpus = min(int(node.get("CPU", 1) // node["GPU"]) for node in with_gpus)
        return ActorResources("cuda", max(1, cpus)), sum(int(node["GPU"]) for node in with_gpus)
    return ActorResources("cpu", 1), max(1, sum(int(node.get("CPU", 0)) for node in nodes))
