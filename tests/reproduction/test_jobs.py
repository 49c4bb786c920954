"""Jobs: each once, behind what it needs."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.reproduction.jobs import ReproductionJob, in_order


def _job(name: str, *needs: str) -> ReproductionJob:
    return ReproductionJob(name, ("prepare", name), Path(name), needs)


@given(st.data())
def test_every_job_comes_once_and_behind_what_it_needs(data: st.DataObject) -> None:
    names = [str(number) for number in range(data.draw(st.integers(1, 12)))]
    needs = {name: data.draw(st.sets(st.sampled_from(names[:at])) if at else st.just(set[str]()))
             for at, name in enumerate(names)}  # fmt: skip
    jobs = [_job(name, *sorted(needs[name])) for name in data.draw(st.permutations(names))]
    placed = [job.name for job in in_order([*jobs, *jobs])]
    assert sorted(placed) == sorted(names)
    assert all(placed.index(need) < placed.index(name) for name in names for need in needs[name])


def test_what_one_job_needs_stands_right_before_it() -> None:
    jobs = [_job("prepare"), _job("tune-a", "learn-a"), _job("learn-a", "prepare"), _job("learn-b", "prepare")]
    assert [job.name for job in in_order(jobs)] == ["prepare", "learn-a", "tune-a", "learn-b"]


def test_a_command_can_be_typed() -> None:
    job = ReproductionJob(
        "prepare", ("prepare", "my videos", "--group-pattern", "/([a-z]+)_"), Path("out"), how=("--accelerator",)
    )
    assert job.command == "unreel prepare 'my videos' --group-pattern '/([a-z]+)_' --accelerator"


def test_two_jobs_of_one_name_are_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="two jobs are called a"):
        in_order([_job("a"), _job("a", "b"), _job("b")])
