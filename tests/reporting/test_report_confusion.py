"""Confusion matrices: the counts of another library, and cells that add up to their row."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from retrievals import EMPTY, changed
from sklearn.metrics import confusion_matrix

from unreel.evaluation.results import Neighbour
from unreel.reporting.confusion import MOST_NAMED, Confusion, Mistake, retrieval_confusion
from unreel.reporting.coverage import MissingVideos

Neighbours = dict[str, tuple[Neighbour, ...]]

RETRIEVAL = changed(EMPTY, collection="/somewhere/tiny", seen=5, expected=6, missing={"gone": ""})


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1, max_size=40))
def test_neighbours_are_counted_by_class(pairs: list[tuple[str, str]]) -> None:
    labels = {f"q{n}": own for n, (own, _) in enumerate(pairs)} | {f"g{n}": found for n, (_, found) in enumerate(pairs)}
    neighbours: Neighbours = {f"q{n}": (Neighbour(f"g{n}", 0.9), Neighbour("q0", 0.8)) for n in range(len(pairs))}
    found = retrieval_confusion(replace(RETRIEVAL, neighbours=neighbours), "action", labels)
    assert found is not None
    own, taken = zip(*pairs, strict=True)
    rows = ["abcd".index(name) for name in found.classes]
    np.testing.assert_array_equal(found.counts, confusion_matrix(own, taken, labels=list("abcd"))[rows][:, rows])
    assert (found.total, found.right) == (len(pairs), sum(one == other for one, other in pairs))
    for (name, count, spans), counts in zip(found.rows(), found.counts, strict=True):
        assert sum(span.width for span in spans) == len(found.classes)
        assert sum(span.count for span in spans) == count == own.count(name)
        assert sum(span.share for span in spans) == (1 if count else 0) or abs(sum(s.share for s in spans) - 1) < 1e-9
        for span in spans:
            assert span.width == 1 or span.count == 0
            assert (counts[span.column : span.column + span.width] == span.count).all()


def test_what_has_no_label_is_not_evaluated() -> None:
    neighbours = {"q": (Neighbour("plain", 0.9),), "plain": (Neighbour("q", 0.9),), "lonely": ()}
    assert retrieval_confusion(replace(RETRIEVAL, neighbours=neighbours), "action", {"q": "run", "plain": ""}) is None


def test_the_caption_tells_the_setting_and_the_missing_are_kept() -> None:
    neighbours: Neighbours = {"q": (Neighbour("g", 0.9),)}
    found = retrieval_confusion(replace(RETRIEVAL, neighbours=neighbours), "action", {"q": "run", "g": "walk"})
    assert found is not None
    assert found.caption == "action of the nearest neighbour, tiny, protocol gap, split 1, level 5, seed 0"
    assert found.shortfalls == [MissingVideos(("hdc",), 5, 6, {"gone": ""})]
    assert found.mistakes == [Mistake("run", "walk", 1, 1.0)]


def test_the_most_frequent_mistakes_come_first() -> None:
    counts = np.arange(25).reshape(5, 5)
    found = Confusion("hdc", "", tuple("abcde"), counts, []).mistakes
    assert len(found) == MOST_NAMED
    assert [each.count for each in found] == [23, 22, 21, 20, 19, 17, 16, 15, 14, 13, 11, 10]
    assert (found[0].name, found[0].taken_for, found[0].share) == ("e", "d", 23 / (20 + 21 + 22 + 23 + 24))
