"""What a classifier makes of the labels so far: a suggested label for all other videos, and what to label next.

It is fitted behind the pages, which show what was known last; who asks what to label next waits for it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, final

import numpy as np

from unreel.errors import CollectionError
from unreel.prediction.label_classifier import Examples, LabelClassifier
from unreel.prediction.suggestions import Suggester
from unreel.prediction.validation import Validation
from unreel.web.catalogue import Catalogue, key_of

AT_ONCE: Final = 60
"""Videos that are suggested to label next: as many as a page has."""


@dataclass(frozen=True)
class Guess:
    """The label that a video is likeliest to have, and how sure that is (0 to 1)."""

    label: str
    confidence: float


@dataclass(frozen=True)
class Guesses:
    """What is known after some labels: by the keys of videos, and the keys of those to label next, in their order.

    `validation` says how often labels are guessed right; None before two classes have some.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    likely: Mapping[str, Guess] = field(default_factory=dict)
    following: Sequence[str] = ()
    validation: Validation | None = None


@final
class Guesser:
    """Guesses by the vectors of the first table; `latest` is what was known last, `history` how right it was when.

    `history` has, for each number of labels, the share that was right and its interval.
    """

    def __init__(self, catalogue: Catalogue, worker: ThreadPoolExecutor) -> None:
        self._table, self._worker, self._lock = catalogue.shown[0].table, worker, Lock()
        self._suggester: Suggester | None = None
        self._asked: dict[str, str] | None = None
        self._running: Future[Guesses] | None = None
        self.latest = Guesses()
        self.history: dict[int, tuple[float, float, float]] = {}

    def refresh(self, given: Mapping[str, str]) -> "Future[Guesses]":
        """Begin to guess by these labels, unless that was begun; labels of pieces do not count."""
        labels = {item: label for item, label in given.items() if "@" not in item}
        with self._lock:
            if self._running is None or self._asked != labels:
                self._asked = labels  # before the work that looks at it begins
                self._running = self._worker.submit(self._guess, labels)
            return self._running

    async def fresh(self, given: Mapping[str, str]) -> Guesses:
        """What these labels say, after the time that it takes."""
        return await asyncio.wrap_future(self.refresh(given))

    def _guess(self, given: Mapping[str, str]) -> Guesses:
        if self._asked != given:
            return self.latest  # other labels were given meanwhile, which are to be looked at instead
        videos = self._table.vectors("video")
        keys = [key_of(str(identity)) for identity in videos.column("id")]
        rows = {row: given[key] for row, key in enumerate(keys) if key in given}
        self._suggester = self._suggester or Suggester(videos.vectors)
        following = tuple(keys[row] for row in self._suggester.suggest(rows, AT_ONCE))
        likely: dict[str, Guess] = {}
        validation = None
        try:
            known = sorted(rows)
            names, labels = tuple(keys[row] for row in known), tuple(rows[row] for row in known)
            examples = Examples(names, videos.vectors[known], labels, ("",) * len(known))
            classifier = LabelClassifier(examples, videos.vectors)
        except CollectionError:
            pass  # there are no two classes yet
        else:
            validation = classifier.validation
            shares = classifier.shares(videos.vectors)
            best = shares.argmax(axis=1)
            sure = shares[np.arange(len(shares)), best]
            likely = {
                key: Guess(classifier.classes[place], float(share))
                for key, place, share in zip(keys, best.tolist(), sure.tolist(), strict=True)
                if key not in given
            }
            self.history[len(rows)] = (validation.accuracy, *validation.interval)
        self.latest = Guesses(dict(given), likely, following, validation)
        return self.latest
