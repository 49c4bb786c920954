"""What the log says once where learning goes badly."""

from typing import Any

import torch
from rival_runs import settings_of

from unreel.engine.device import peak_memory
from unreel.training.advice import Advice


def _said(name: str, rows: list[dict[str, float]], waiting: float = 0.0, **changes: Any) -> list[str]:
    advice = Advice(settings_of(name, steps=10 * len(rows), batch_size=32, **changes))
    found = [each for number, row in enumerate(rows, 1) for each in advice.of(10 * number, row, waiting)]
    return [text % tuple(words) for text, *words in found]


def _rows(right: float, count: int = 40) -> list[dict[str, float]]:
    return [{"accuracy/order": right, "chance/order": 1 / 6} for _ in range(count)]


def test_what_is_told_by_chance_is_said_at_the_end() -> None:
    (said,) = _said("vcop", _rows(0.17))
    assert "order is told no better than by chance (17.0 %, chance 16.7 %) over the second half" in said
    assert "--centre" in said
    assert not _said("vcop", _rows(0.25))
    assert not _said("vcop", [*_rows(0.16, 19), *_rows(0.5, 21)])  # it was so in the first half


def test_collapse_names_the_option_where_there_is_one() -> None:
    rows = [{"uniformity/clips": -0.001}] * 30
    (said,) = _said("moco", rows)
    assert said.endswith("try a lower --learning-rate")
    (said,) = _said("byol", rows)
    assert said.endswith("try --standardise, or a lower --learning-rate")
    assert not _said("moco", rows[:10])


def test_waiting_is_said_once_and_not_of_the_first_steps() -> None:
    assert len(_said("moco", [{}] * 5, waiting=0.4)) == 1
    assert not _said("moco", [{}] * 2, waiting=0.4)
    assert not _said("moco", [{}] * 5, waiting=0.05)


def test_memory_is_that_of_this_process() -> None:
    before = peak_memory(torch.device("cpu"))
    held = torch.ones(1 << 26)
    assert peak_memory(torch.device("cpu")) >= before + held.nbytes // 2 or before > 2 * held.nbytes
