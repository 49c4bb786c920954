"""Which label each of the keys 1 to 9 gives."""

from collections.abc import Mapping, Sequence
from typing import Final, final

MOST_KEYS: Final = 9


@final
class LabelKeys:
    """Labels by their keys: each keeps its own while the server runs, or hands would err."""

    def __init__(self) -> None:
        self._labels: list[str] = []

    def assign(self, given: Mapping[str, int], known: Sequence[str]) -> list[str]:
        """The labels in the order of their keys: the commonest of those `given`, then `known` ones.

        A label that was never given makes room for one that was.
        """
        for label in [*sorted(given, key=lambda label: (-given[label], label)), *known]:
            if label in self._labels:
                continue
            if len(self._labels) < MOST_KEYS:
                self._labels.append(label)
            elif given.get(label) and (idle := [each for each in self._labels if not given.get(each)]):
                self._labels[self._labels.index(idle[-1])] = label
        return list(self._labels)
