"""The collection section: counts that add up, in units people read."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from unreel.reporting.collection_summary import MOST_ROWS, MOST_SKIPPED, inventory
from unreel.video.collection.manifest import Manifest, VideoRecord


def _manifest(*records: VideoRecord) -> Manifest:
    return Manifest(Path("prepared"), records, source="videos", side=128, ignored=3)


VIDEO = VideoRecord(
    "a.mp4", "ok", labels={"action": "run"}, duration=4.0, codec="h264", source_width=640, source_height=360
)


def test_labels_are_counted_with_those_that_have_none() -> None:
    other = replace(VIDEO, id="b.mp4", labels={"action": "walk"})
    found = inventory(_manifest(VIDEO, other, replace(other, id="c.mp4"), replace(VIDEO, id="d.mp4", labels={})))
    labels = found.lists[0]
    assert (labels.title, labels.note) == ("Label: action", "2 classes, 1 video without")
    assert [(bar.name, bar.count, bar.share) for bar in labels.bars] == [("walk", 2, 1.0), ("run", 1, 0.5)]


def test_durations_are_binned_without_empty_ends() -> None:
    durations = [0.4, 2.0, 2.9, 5.0, 5.1, 4000.0]
    found = inventory(_manifest(*(replace(VIDEO, id=str(each), duration=each) for each in durations)))
    bars = {bar.name: bar.count for bar in next(each for each in found.lists if each.title == "Duration").bars}
    assert (bars["0–1 s"], bars["1–2 s"], bars["2–3 s"], bars["5–10 s"]) == (1, 0, 2, 2)
    short = inventory(_manifest(VIDEO, replace(VIDEO, id="b", duration=7.0)))
    names = [bar.name for bar in next(each for each in short.lists if each.title == "Duration").bars]
    assert names == ["3–5 s", "5–10 s"]


def test_long_lists_are_folded_not_cut() -> None:
    videos = [replace(VIDEO, id=str(index), labels={"action": f"class {index:02}"}) for index in range(30)]
    labels = inventory(_manifest(*videos)).lists[0]
    assert (len(labels.bars), len(labels.folded)) == (MOST_ROWS, 30 - MOST_ROWS)


def test_refusals_are_counted_by_reason_and_listed_up_to_a_bound() -> None:
    skipped = [VideoRecord(f"{index}.mp4", "skipped", "empty" if index % 3 else "truncated") for index in range(1200)]
    found = inventory(_manifest(*skipped))
    assert found.reasons_to_skip == [("empty", 800), ("truncated", 400)]
    assert (len(found.skipped), found.unlisted) == (MOST_SKIPPED, 200)
    assert (found.scanned, found.usable, found.ignored, found.lists) == (1200, 0, 3, [])


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_every_duration_is_in_exactly_one_bin(durations: list[float]) -> None:
    found = inventory(
        _manifest(*(replace(VIDEO, id=str(index), duration=each) for index, each in enumerate(durations)))
    )
    histogram = next(each for each in found.lists if each.title == "Duration")
    assert sum(bar.count for bar in histogram.bars + histogram.folded) == len(durations)
