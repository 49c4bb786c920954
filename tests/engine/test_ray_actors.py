"""Actors on a Ray cluster: what they do, and what becomes of the work of those that are lost."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from misbehave import nothing_of, squares_of

from unreel.engine.ray_actors import on_actors
from unreel.errors import UnreelError, VideoError

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A cluster of one node with two CPUs, whose processes can import the tests' modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        paths = [str(Path(__file__).parents[1] / "support"), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        try:
            ray.init(num_cpus=2, log_to_driver=False, logging_level="error", include_dashboard=False)
            yield
        finally:
            ray.shutdown()


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("actors", [1, None])
def test_every_task_is_done_once(actors: int | None) -> None:
    tasks = list(range(20, 50))
    found = list(on_actors(squares_of, tasks, actors=actors))
    assert sorted(found) == [(place, task**2) for place, task in enumerate(tasks)]
    assert list(on_actors(squares_of, [])) == []


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_what_cannot_be_done_ends_the_work() -> None:
    with pytest.raises(VideoError, match="eleven"):
        dict(on_actors(squares_of, [1, 2, 11]))
    with pytest.raises(UnreelError, match=r"was lost 3 times in the same piece of work.*Run this again to resume"):
        dict(on_actors(squares_of, [1, 5, 2]))
    with pytest.raises(UnreelError, match=r"could not be made ready 3 times.*nothing on ActorResources"):
        dict(on_actors(nothing_of, [1, 2]))
