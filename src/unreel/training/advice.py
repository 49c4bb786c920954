"""What the log of a run says, once, where learning goes badly: waiting, collapse, an answer that is not found."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from math import sqrt
from typing import final

from unreel.engine import process_group
from unreel.settings.training import TrainingSettings

MUCH_WAITING = 0.1
"""The share of the time spent waiting for data above which the log says so."""
COLLAPSED = -0.005
"""Uniformity above which embeddings are all alike; some begin so, hence the log says it only after `SETTLED` steps."""
SETTLED = 200
LATE = 0.5
"""The part of a run after which an answer should be better than guessing."""
ERRORS = 2
"""Standard errors by which it should."""


@final
class Advice:
    """Looks at the figures of every measured step."""

    def __init__(self, settings: TrainingSettings) -> None:
        self._settings = settings
        self._measured = 0
        self._said: set[str] = set()
        self._right: dict[str, list[float]] = defaultdict(list)

    def of(self, step: int, figures: Mapping[str, float], waiting: float) -> Iterator[tuple[str, ...]]:
        """What is to be said after a step: a text for `logging`, and its words."""
        self._measured += 1
        found = [*self._waiting(waiting), *self._collapse(step, figures), *self._guessing(step, figures)]
        for text, *words in found:
            if text not in self._said:
                self._said.add(text)
                yield text, *words

    def _waiting(self, share: float) -> Iterator[tuple[str, ...]]:
        if share > MUCH_WAITING and self._measured > 2:  # the first steps wait for the workers to begin
            text = "%s %% of the time is spent waiting for data; see unreel bench loading %s"
            yield text, f"{100 * share:.0f}", str(self._settings.folder)

    def _collapse(self, step: int, figures: Mapping[str, float]) -> Iterator[tuple[str, ...]]:
        alike = [name for name, value in figures.items() if name.startswith("uniformity/") and value > COLLAPSED]
        if alike and step >= SETTLED and self._settings.batch_size > process_group.count():
            way = "--standardise, or " if hasattr(self._settings, "standardise") else ""
            text = "%s near 0: these embeddings are all alike; try %sa lower --learning-rate"
            yield text, ", ".join(alike), way

    def _guessing(self, step: int, figures: Mapping[str, float]) -> Iterator[tuple[str, ...]]:
        """Of the second half of a run the mean accuracy, beside chance; said at its end."""
        if step < LATE * self._settings.steps:
            return
        for name, chance in figures.items():
            task = name.removeprefix("chance/")
            if task == name or f"accuracy/{task}" not in figures:
                continue
            right = self._right[task]
            right.append(figures[f"accuracy/{task}"])
            error = sqrt(chance * (1 - chance) / (len(right) * self._settings.batch_size))
            if step == self._settings.steps and sum(right) / len(right) < chance + ERRORS * error:
                text = "%s is told no better than by chance (%s %%, chance %s %%) over the second half of the run; %s"
                way = "more steps, another --learning-rate or --centre may help"
                yield text, task, f"{100 * sum(right) / len(right):.1f}", f"{100 * chance:.1f}", way
