"""Calibration against its definition (Guo et al., ICML 2017), written as loops."""

from math import ceil, exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.prediction.calibration import BINS, calibration_error, cross_calibrated, fit_temperature, sharpened


def made_up(seed: int, count: int = 400, classes: int = 4, temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Shares that are off by a temperature: the right class is drawn from the shares before it."""
    chance = np.random.default_rng(seed)
    logits = 2 * chance.normal(size=(count, classes))
    honest = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = np.array([chance.choice(classes, p=row) for row in honest])
    told = np.exp(logits * temperature) / np.exp(logits * temperature).sum(1, keepdims=True)
    return told, truth


@given(st.lists(st.tuples(st.floats(0.01, 1), st.booleans()), min_size=1, max_size=60))
def test_the_error_is_that_of_equation_3(videos: list[tuple[float, bool]]) -> None:
    error = 0.0
    for number in range(1, BINS + 1):
        held = [each for each in videos if max(1, ceil(each[0] * BINS)) == number]
        if held:
            accuracy = sum(right for _, right in held) / len(held)
            confidence = sum(sure for sure, _ in held) / len(held)
            error += len(held) / len(videos) * abs(accuracy - confidence)
    sure, right = map(np.array, zip(*videos, strict=True))
    assert calibration_error(sure, right) == pytest.approx(error)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_a_temperature_is_found_again(temperature: float) -> None:
    told, truth = made_up(0, count=4000, temperature=temperature)
    assert fit_temperature(told, truth) == pytest.approx(temperature, rel=0.1)


def test_a_temperature_is_the_softmax_of_logarithms() -> None:
    told, _ = made_up(1, count=20)
    for row, found in zip(told, sharpened(told, 2.5), strict=True):
        raised = [exp(log(max(share, 1e-4)) / 2.5) for share in row]
        np.testing.assert_allclose(found, np.array(raised) / sum(raised))
    np.testing.assert_array_equal(sharpened(told, 3.0).argmax(1), told.argmax(1))


def test_calibration_helps_what_it_has_not_seen() -> None:
    told, truth = made_up(2, count=2000, temperature=3.0)
    folds = np.arange(2000) % 5
    after = cross_calibrated(told, truth, folds)
    right = told.argmax(1) == truth
    assert calibration_error(after.max(1), right) < calibration_error(told.max(1), right) / 2
    other = truth.copy()
    other[folds == 0] = 0  # no fold's own videos decide about it
    np.testing.assert_array_equal(cross_calibrated(told, other, folds)[folds == 0], after[folds == 0])


def test_nothing_known_changes_nothing() -> None:
    told, truth = made_up(3, count=5)
    assert fit_temperature(told[:0], truth[:0]) == 1
