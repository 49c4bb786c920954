"""Estimates: what is counted is counted rightly, what is measured is measured."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.checkpoint import TrainingState, WeightsHeader, save_checkpoint, save_weights
from unreel.models import build_from
from unreel.reproduction.estimates import bytes_of_run, clips_embedded, clips_learnt, seconds_of, span
from unreel.reproduction.jobs import Effort, ReproductionJob
from unreel.settings.encoder import EncoderSettings
from unreel.settings.hdc import HDCSettings

SMALL = EncoderSettings(width=0.0625, size=28, clip_length=8)


def _settings(**changes: object) -> HDCSettings:
    return HDCSettings.model_validate({"folder": "in", "out": "out", "steps": 10, "batch_size": 4, **changes})


def test_a_run_learns_from_two_or_three_views_of_every_video() -> None:
    assert clips_learnt(_settings()) == 10 * 4 * 3
    assert clips_learnt(_settings(alpha=(0, 0, 0))) == 10 * 4 * 2
    assert clips_learnt(_settings(beta=(0, 0, 0))) == 10 * 4 * 2
    assert clips_learnt(_settings(alpha=(0, 0, 0), beta=(0, 0, 0), steps=0)) == 0


def test_a_test_is_ten_clips_of_five_crops_forward_only() -> None:
    assert clips_embedded(6) == pytest.approx(6 * 10 * 5 / 3)
    assert clips_embedded(6, crops=1) == pytest.approx(6 * 10 / 3)


def test_the_bytes_of_a_run_are_those_of_its_files(tmp_path: Path) -> None:
    encoder = build_from(SMALL)
    weights = {f"encoder.{name}": each for name, each in encoder.state_dict().items()}
    origin, keep = WeightsHeader(SMALL, "hdc", 0), 2
    velocity = {number: {"momentum_buffer": each} for number, each in enumerate(weights.values())}
    for step in range(keep + 1):
        save_checkpoint(tmp_path, TrainingState(step, weights, {"state": velocity, "param_groups": []}), origin)
    save_weights(tmp_path / "weights.safetensors", weights, origin, step=2)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors"))
    assert bytes_of_run(SMALL, keep) == pytest.approx(size, rel=0.1)  # headers are not counted


def test_a_job_s_time_is_that_of_its_clips_or_of_its_bytes() -> None:
    def job(effort: Effort) -> float:
        return seconds_of(ReproductionJob("name", (), Path("out"), effort=effort), lambda _: 0.5)

    nothing = job(Effort())
    assert job(Effort(SMALL, 30.0)) - nothing == pytest.approx(15)
    assert job(Effort(size=10**9)) > job(Effort(size=10**8)) > nothing


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=9), places=st.integers(1, 4), chain=st.booleans()
)  # fmt: skip
def test_the_span_is_between_its_bounds(lengths: list[int], places: int, chain: bool) -> None:
    jobs = [
        ReproductionJob(str(number), (), Path("out"), needs=(str(number - 1),) if chain and number else ())
        for number in range(len(lengths))
    ]
    seconds = {job.name: float(length) for job, length in zip(jobs, lengths, strict=True)}
    found = span(jobs, seconds, places)
    whole = float(sum(lengths))
    assert max(max(lengths), whole / places) <= found <= whole
    if chain or places == 1:
        assert found == whole


def test_a_branch_waits_for_what_it_needs_only() -> None:
    jobs = [
        ReproductionJob("prepare", (), Path("a")),
        ReproductionJob("learn-1", (), Path("b"), ("prepare",)),
        ReproductionJob("learn-2", (), Path("c"), ("prepare",)),
        ReproductionJob("tune-1", (), Path("d"), ("learn-1",)),
    ]
    seconds = {"prepare": 1.0, "learn-1": 10.0, "learn-2": 10.0, "tune-1": 2.0}
    assert [span(jobs, seconds, places) for places in (1, 2)] == [23.0, 13.0]
