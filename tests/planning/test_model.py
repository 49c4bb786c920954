"""A step, held against numbers worked out by hand; and what more of something never makes worse."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.planning.communication import BUCKET, Contrast, Network
from unreel.planning.model import Device, Machine, Reading, StepWork, step

FREE = Network(float("inf"), float("inf"), 0.0)
WORK = StepWork(views=3, operations=1e9, weights=BUCKET, contrasts=(Contrast("c", positions=2, width=100),))
PLENTY = Reading(clips_per_second=100.0, video_size=1e6)


def _machine(device: Device, reading: Reading = PLENTY, network: Network = FREE) -> Machine:
    return Machine(device, reading, network)


def test_compute_is_clips_and_similarities_and_what_a_step_costs() -> None:
    found = step(WORK, _machine(Device(clips_per_second=100.0, step_seconds=0.25)), 80, 4)
    # 20 videos of 3 views; 20 × 80 products of 100 numbers at 2 positions, three times, two operations each
    clips = 60 + 3 * 2 * 20 * 80 * 2 * 100 / 1e9
    assert found.compute == pytest.approx(clips / 100 + 0.25)
    assert (found.communication, found.straggling, found.waiting, found.limit) == (0, 0, 0, "compute")
    assert found.seconds == found.compute


def test_communication_by_hand() -> None:
    network = Network(inside=1e6, between=1e6, latency=0.001)
    found = step(WORK, _machine(Device(1e9, overlap=0.0), network=network), 8, 4)
    vectors = 8 * 2 * 100 * 4
    gather = 0.75 * vectors / 1e6 + 2 * 0.001
    back = 1.5 * vectors / 1e6 + 4 * 0.001
    agreeing = 4 * 0.001 + 2 * 2 * 0.001  # the mean loss, and twice whether to stop
    assert found.gathering == pytest.approx(gather + back + agreeing)
    assert found.reducing == pytest.approx(4 * (1.5 * BUCKET / 1e6 + 4 * 0.001))  # four buckets
    assert found.limit == "communication"


@pytest.mark.parametrize(("overlap", "left"), [(0.0, 4.0), (0.5, 2.0), (1.0, 1.0)])
def test_gradients_hide_behind_the_backward_pass_but_for_the_last_bucket(overlap: float, left: float) -> None:
    second = Network(inside=1.5 * BUCKET, between=1.5 * BUCKET, latency=0.0)  # a bucket takes a second in 4 processes
    alone = replace(WORK, contrasts=())
    device = Device(clips_per_second=2.0, overlap=overlap)  # 2 videos of 3 views: 3 s, of which 2 s × 2 backward
    found = step(alone, _machine(replace(device, clips_per_second=1.0), network=second), 8, 4)
    assert found.compute == pytest.approx(6)
    assert found.reducing == pytest.approx(left)


def test_the_slowest_is_waited_for() -> None:
    found = step(WORK, _machine(Device(100.0, jitter=0.1)), 8, 2)
    assert found.straggling == pytest.approx(0.1 * found.compute * 0.5641895835)


@pytest.mark.parametrize(
    ("reading", "seconds", "limit"),
    [
        (Reading(100.0, 1e6), 1.2, "compute"),
        (Reading(10.0, 1e6, cores=2.0), 4.0, "decoding"),  # 40 videos, two clips, 20 a second
        (Reading(10.0, 1e6, cores=20.0, storage=1e7), 8.0, "storage"),  # 80 MB
        (Reading(10.0, 1e6, cores=20.0, storage=1e9), 1.2, "compute"),
    ],
)
def test_a_step_waits_for_what_is_slower_than_it(reading: Reading, seconds: float, limit: str) -> None:
    found = step(replace(WORK, contrasts=()), _machine(Device(100.0), reading), 80, 2)
    assert found.seconds == pytest.approx(seconds)
    assert found.limit == limit
    assert found.busy == pytest.approx(1.2)


def test_cores_needed_are_those_that_do_not_wait() -> None:
    reading = Reading(10.0, 1e6)
    needed = reading.cores_needed(80, 2, 1.2)
    assert needed == pytest.approx(2 * 40 / 1.2 / 10)
    assert replace(reading, cores=needed).decoding(80, 2) == pytest.approx(1.2)


def test_processes_on_the_same_cores_get_in_each_other_s_way() -> None:
    device = Device(10.0, shared_cores=2)
    seconds = [step(WORK, _machine(device), 8, count).compute for count in (1, 2, 4)]
    assert seconds[0] == pytest.approx(2 * seconds[1], rel=1e-3)
    assert seconds[1] == pytest.approx(seconds[2], rel=1e-3)


RATES = st.floats(0.1, 1e4)
COUNTS = st.integers(0, 9).map(lambda power: 2**power)


@given(rate=RATES, fixed=st.floats(0, 1), count=COUNTS, more=COUNTS, storage=st.none() | RATES)
def test_more_processes_are_never_slower_where_talking_is_free(
    rate: float, fixed: float, count: int, more: int, storage: float | None
) -> None:
    machine = _machine(Device(rate, fixed), Reading(100.0, 1e3, cores=1.0, storage=storage and storage * 1e3))
    few, many = (step(WORK, machine, 2**18, each).seconds for each in (count, count * more))
    assert many <= few * (1 + 1e-12)


@given(
    rate=RATES, cores=st.floats(0.1, 100), more=st.floats(1, 100), storage=RATES, count=COUNTS, jitter=st.floats(0, 1)
)
def test_more_of_anything_is_never_slower(
    rate: float, cores: float, more: float, storage: float, count: int, jitter: float
) -> None:
    network = Network(1e9 * rate, 1e8 * rate, 1e-5)
    reading = Reading(100.0, 1e3, cores, storage * 1e3)
    base = _machine(Device(rate, 0.01, jitter), reading, network)
    before = step(WORK, base, 1024, count).seconds
    better = (
        replace(base, reading=replace(reading, cores=cores * more)),
        replace(base, reading=replace(reading, storage=storage * 1e3 * more)),
        replace(base, network=replace(network, inside=network.inside * more, between=network.between * more)),
        replace(base, network=replace(network, latency=1e-5 / more)),
        replace(base, device=replace(base.device, jitter=jitter / more)),
        replace(base, device=replace(base.device, overlap=1.0)),
    )
    assert all(step(WORK, each, 1024, count).seconds <= before * (1 + 1e-12) for each in better)


@given(count=COUNTS, own=st.integers(1, 64), jitter=st.floats(0, 0.5))
def test_the_parts_are_the_whole(count: int, own: int, jitter: float) -> None:
    machine = _machine(Device(50.0, 0.01, jitter), Reading(1.0, 1e6, 3.0, 1e8), Network(1e9, 1e8, 1e-5))
    found = step(WORK, machine, own * count, count)
    parts = (found.compute, found.gathering, found.reducing, found.straggling, found.waiting)
    assert all(each >= 0 for each in parts)
    assert found.seconds == pytest.approx(sum(parts))
