"""Names: own where they can be, longer where two would be the same."""

from pathlib import Path

from retrievals import EMPTY, changed

from unreel.cli.inputs.naming import encoders_apart, names_apart

RESULT = changed(EMPTY, checkpoint="1")
UNTRAINED = changed(RESULT, encoder="untrained", checkpoint="0")


def test_folders_of_one_name_are_called_by_their_path() -> None:
    paths = [Path("a/run"), Path("b/run"), Path("b/other")]
    assert names_apart(paths) == ["a/run", "b/run", "other"]


def test_encoders_of_one_name_are_followed_by_their_place() -> None:
    other = changed(RESULT, checkpoint="2")
    found = encoders_apart([("one", UNTRAINED), ("one", RESULT), ("two", UNTRAINED), ("two", other)])
    assert [each.origin.encoder for each in found] == ["untrained", "hdc (one)", "hdc (two)"]


def test_the_untrained_come_first() -> None:
    different = changed(UNTRAINED, checkpoint="9")
    found = encoders_apart([("one", RESULT), ("one", UNTRAINED), ("two", different)])
    assert [each.origin.encoder for each in found] == ["untrained (one)", "untrained (two)", "hdc"]


def test_splits_of_one_encoder_keep_its_name() -> None:
    found = encoders_apart([("one", RESULT), ("one", changed(RESULT, split="2"))])
    assert [(each.origin.encoder, each.origin.split) for each in found] == [("hdc", "1"), ("hdc", "2")]
