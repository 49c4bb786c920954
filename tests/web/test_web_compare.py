"""Encoders side by side: who else has found a hit, and which hits have the query's label."""

from unreel.web.compare import side_by_side
from unreel.web.schemas import Answer, HitModel, VideoFacts


def hit(name: str, label: str = "", start: float = 0.0, end: float = 1.0) -> HitModel:
    """A hit in a video."""
    facts = VideoFacts(
        key=name, id=name, label=label, labels={}, seconds=9.0, size=1, state="same", reason="", given=""
    )
    return HitModel(item=name, video=facts, kind="clip", start=start, end=end, similarity=0.5, copies=0)


def answer(number: int, *hits: HitModel) -> Answer:
    """What an encoder says."""
    return Answer(encoder=number, name=f"encoder {number}", hits=list(hits), note="")


def test_ranks_of_the_others_are_told() -> None:
    first, second = side_by_side([answer(0, hit("a"), hit("b"), hit("c")), answer(1, hit("c"), hit("a"))], "")
    assert [place.elsewhere for place in first.places] == [["no. 2 in encoder 1"], [], ["no. 1 in encoder 1"]]
    assert [place.elsewhere for place in second.places] == [["no. 3 in encoder 0"], ["no. 1 in encoder 0"]]
    assert (first.shared, second.shared) == (2, 2)


def test_moments_are_the_same_where_they_overlap() -> None:
    columns = side_by_side([answer(0, hit("a", start=0, end=2)), answer(1, hit("a", start=2, end=3))], "")
    assert [column.shared for column in columns] == [0, 0]
    columns = side_by_side([answer(0, hit("a", start=0, end=2)), answer(1, hit("a", start=1.5, end=3))], "")
    assert [column.shared for column in columns] == [1, 1]


def test_hits_are_evaluated_by_the_label_of_the_query() -> None:
    (column,) = side_by_side([answer(0, hit("a", "run"), hit("b", "walk"), hit("c"))], "run")
    assert [place.verdict for place in column.places] == ["right", "wrong", "unscored"]
    assert (column.right, column.shared) == (1, 0)
    (column,) = side_by_side([answer(0, hit("a", "run"))], "")
    assert [place.verdict for place in column.places] == ["unscored"]
    assert side_by_side([answer(0)], "run")[0].places == []
