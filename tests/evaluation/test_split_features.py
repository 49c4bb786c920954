"""What is left of a division when some videos could not be read, or fill no batch."""

import numpy as np
import pytest
from trials import features_of, videos

from unreel.errors import CollectionError
from unreel.evaluation.features import Features
from unreel.evaluation.split_features import SplitFeatures, split_features
from unreel.evaluation.splits import Split, SplitPart

RECORDS = videos(["a", "b", "", "a", "b", "a", "b", "a"])
DIVISION = Split("1", SplitPart(RECORDS[:5], {"gone": "missing"}), SplitPart(RECORDS[5:], {}))


def _sides(found: SplitFeatures) -> tuple[list[str], list[str]]:
    known, asked = ([video.id for video in side] for side in (found.gallery, found.queries))
    return known, asked


def test_rows_follow_the_features() -> None:
    order = [5, 0, 3, 7, 1, 2, 6]  # 4 could not be read
    features = features_of([RECORDS[row] for row in order], np.array(order, dtype=np.float32)[:, None])
    found = split_features(DIVISION, Features(features.ids, features.clips, {"4": "damaged"}))
    assert _sides(found) == (["0", "1", "2", "3"], ["5", "6", "7"])
    assert found.vectors[found.gallery_rows, 0].tolist() == [0, 1, 2, 3]
    assert found.vectors[found.query_rows, 0].tolist() == [5, 6, 7]
    assert found.missing == {"gone": "missing", "4": "damaged"}
    assert (found.seen, found.groups) == (7, None)
    assert split_features(DIVISION, features).missing["4"] == "no features of it were given"
    labelled = found.with_label("class")
    assert _sides(labelled) == (["0", "1", "3"], ["5", "6", "7"])
    assert labelled.vectors[labelled.gallery_rows, 0].tolist() == [0, 1, 3]


def test_the_last_batch_is_dropped_of_each_side() -> None:
    found = split_features(DIVISION, features_of(RECORDS, np.eye(8)), drop_last=2)
    assert _sides(found) == (["0", "1", "2", "3"], ["5", "6"])
    dropped = "in the last batch, which is not full and was dropped"
    assert found.missing == {"gone": "missing", "4": dropped, "7": dropped}
    assert (found.seen, DIVISION.expected) == (6, 9)


def test_one_out_is_the_same_on_both_sides() -> None:
    side = SplitPart(videos(["a", "b", "a"], ["p", "", "p"]), {})
    found = split_features(Split("x", side, side, one_out=True), features_of(side.videos, np.eye(3)))
    assert found.seen == 3
    assert found.groups is not None
    assert [numbers.tolist() for numbers in found.groups] == [[0, 1, 0], [0, 1, 0]]
    asked, known = found.unit_vectors(centred=False)
    assert asked is known


def test_nothing_is_left() -> None:
    message = (
        r"of the 3 videos that are the queries of split '1' none could be seen, expected one at least: prepare again\."
    )
    with pytest.raises(CollectionError, match=message):
        split_features(DIVISION, Features(("0",), np.eye(1)[:, None], {video.id: "damaged" for video in RECORDS[1:]}))
    with pytest.raises(CollectionError, match=r"none could be seen that fill a batch of 4, .*or drop none"):
        split_features(DIVISION, features_of(RECORDS, np.eye(8)), drop_last=4)
