"""A step, held against numbers worked out by hand and messages handed round; more of something is never worse."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unreel.planning.model import Machine, StepWork, step

WORK = StepWork(views=3.0, operations=1e9, weights=1000, vectors=2)
MACHINE = Machine(100.0, 10.0, video_size=1e6, inside=1e15, between=1e15, step_seconds=0.0)
VECTORS = 8 * 2 * 128 * 4
"""Bytes of the vectors of eight videos."""


def _sent_in_a_ring(parts: int, size: int) -> int:
    """Bytes that each of `parts` processes sends until all have the parts, of `size` bytes, of all."""
    have = [{process} for process in range(parts)]
    newest, sent = list(range(parts)), 0
    while any(len(each) < parts for each in have):
        newest = [newest[process - 1] for process in range(parts)]  # each takes what its neighbour got last
        for process in range(parts):
            have[process].add(newest[process])
        sent += size
    return sent


@pytest.mark.parametrize("gpus", [1, 2, 4, 8])
def test_what_is_sent_is_handed_round_a_ring(gpus: int) -> None:
    vectors, gradients = _sent_in_a_ring(gpus, VECTORS // gpus), _sent_in_a_ring(gpus, 4000 // gpus)
    adding_up = 2  # a round of adding parts, and a round of gathering them
    assert WORK.sent(8, gpus) == pytest.approx(vectors + adding_up * (vectors + gradients))


def test_similarities_are_own_anchors_by_all_positives() -> None:
    anchors, positives = torch.zeros(3, 5, 8), torch.zeros(12, 5, 8)
    matrices = torch.einsum("ind,jnd->nij", anchors, positives)
    assert replace(WORK, vectors=5).similarity_size(12, 4) == matrices.numel() * matrices.element_size()


def test_computing_is_clips_and_what_a_step_costs() -> None:
    found = step(WORK, replace(MACHINE, step_seconds=0.25), 80, 4)
    assert found.seconds == pytest.approx(20 * 3 / 100 + 0.25)  # 20 videos of 3 views
    assert found.limit == "computing"


def test_the_slowest_link_sets_the_pace() -> None:
    machine = replace(MACHINE, learnt=1e9, inside=1e6, between=1e5, gpus_per_machine=4)
    inside, between = step(WORK, machine, 8, 4), step(WORK, machine, 8, 8)
    assert inside.seconds == pytest.approx(0.75 * (3 * VECTORS + 8000) / 1e6)
    assert between.seconds == pytest.approx(0.875 * (3 * VECTORS + 8000) / 1e5)
    assert inside.limit == between.limit == "communicating"


def test_a_step_waits_for_decoding_that_is_slower() -> None:
    found = step(WORK, replace(MACHINE, cores=2.0), 80, 2)
    assert found.seconds == pytest.approx(4.0)  # 40 videos, two clips, 20 a second
    assert found.limit == "decoding"
    assert step(WORK, replace(MACHINE, cores=20.0), 80, 2).limit == "computing"


def test_what_a_step_needs_is_what_it_does_not_wait_for() -> None:
    found = step(WORK, MACHINE, 80, 2)
    assert found.seconds == pytest.approx(1.2)
    assert found.cores_per_gpu == pytest.approx(2 * 40 / 1.2 / 10)
    assert found.storage == pytest.approx(80e6 / 1.2)
    assert found.network_per_gpu == pytest.approx(WORK.sent(80, 2) / 1.2)
    enough = replace(MACHINE, cores=found.cores_per_gpu)
    assert step(WORK, enough, 80, 2).seconds == pytest.approx(found.seconds)


RATES = st.floats(0.1, 1e4)
COUNTS = st.integers(0, 9).map(lambda power: 2**power)


@given(rate=RATES, cores=st.floats(0.1, 100), more=st.floats(1, 100), count=COUNTS)
def test_more_of_anything_is_never_slower(rate: float, cores: float, more: float, count: int) -> None:
    base = Machine(rate, 100.0, 1e3, 1e9 * rate, 1e8 * rate, cores=cores)
    better = (
        replace(base, learnt=rate * more),
        replace(base, cores=cores * more),
        replace(base, inside=base.inside * more, between=base.between * more),
    )
    before = step(WORK, base, 1024, count).seconds
    assert all(step(WORK, each, 1024, count).seconds <= before * (1 + 1e-12) for each in better)
