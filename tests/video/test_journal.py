"""What an earlier run has left."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.engine.limits import GIB, Limits
from unreel.engine.worker_pool import Lost
from unreel.video.collection.discover import CollectionFile
from unreel.video.collection.journal import Journal, Note, described, reason_of
from unreel.video.collection.manifest import VideoRecord

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
RECORDS = st.builds(
    VideoRecord,
    TEXT,
    st.sampled_from(["ok", "skipped"]),
    TEXT,
    labels=st.dictionaries(TEXT, TEXT, max_size=2),
    frames=st.integers(0, 1 << 40),
    fps=st.floats(0, 240),
    constant_rate=st.booleans(),
    fingerprint=st.binary(max_size=600),
    times=st.binary(max_size=60),
)
NOTES = st.builds(Note, RECORDS, st.integers(0), st.integers(0), st.floats(0.1, 1e6), st.integers(0), st.integers(0))


@given(NOTES)
def test_a_note_is_read_as_it_was_written(note: Note) -> None:
    line = note.line()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert Note.parse(line) == note


@given(NOTES, st.data())
def test_a_torn_note_is_none(note: Note, data: st.DataObject) -> None:
    line = note.line()
    assert Note.parse(line[: data.draw(st.integers(0, len(line) - 2))]) is None


@pytest.mark.parametrize("line", ["[]", "1", "{}", '{"record": {}}', '{"record": {"fingerprint": "xy"}}'])
def test_what_is_no_note_is_none(line: str) -> None:
    assert Note.parse(line) is None


def test_a_note_stands_as_long_as_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("hello")
    os.utime(path, ns=(0, 1_000_000_000))
    facts = path.stat()
    had = Limits(10.0, 2 * GIB)
    good = _note(VideoRecord("a", "ok"), had)
    slow = _note(VideoRecord("a", "skipped", reason_of(Lost("stalled"), had)), had)
    large = _note(VideoRecord("a", "skipped", reason_of(Lost("out of memory"), had)), had)
    assert good.stands(facts, Limits(100.0, 8 * GIB))
    assert (slow.stands(facts, had), slow.stands(facts, Limits(11.0))) == (True, False)
    assert slow.stands(facts, Limits(10.0, 8 * GIB))
    assert (large.stands(facts, had), large.stands(facts, Limits(100.0))) == (True, True)
    assert (large.stands(facts, Limits(10.0, 3 * GIB)), large.stands(facts, Limits(10.0, 0))) == (False, False)
    os.utime(path, ns=(0, 1_000_000_001))
    assert not good.stands(path.stat(), had)
    path.write_text("hello!")
    os.utime(path, ns=(0, 1_000_000_000))
    assert not good.stands(path.stat(), had)


def _note(record: VideoRecord, limits: Limits) -> Note:
    return Note(record, 5, 1_000_000_000, limits.seconds, limits.memory)


@given(st.lists(NOTES, max_size=6, unique_by=lambda note: note.record.id), st.data())
def test_a_journal_keeps_all_but_a_torn_line(
    tmp_path_factory: pytest.TempPathFactory, notes: list[Note], data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "journal"
    path.unlink(missing_ok=True)
    with pytest.raises(KeyboardInterrupt), Journal(path).open() as journal:
        for note in notes:
            journal.add(note)
        raise KeyboardInterrupt
    content = path.read_bytes()
    kept = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:kept])
    whole = max(0, content[:kept].count(b"\n") - 1)
    expected = {note.record.id: note for note in notes[:whole]}
    # a line that only lacks its end is as good as whole
    assert expected.items() <= Journal(path).notes.items() <= {note.record.id: note for note in notes}.items()
    with Journal(path).open() as journal:
        journal.add(Note(VideoRecord("another one", "ok"), 1, 1, 1.0, 1))
        assert Journal(path).notes.keys() >= {*expected, "another one"}
    assert not path.exists()


def test_a_record_gets_what_its_file_has_today() -> None:
    file = CollectionFile("a", Path("a"), {"class": "run"}, "g1", {"1": "test"})
    record = described(VideoRecord("a", "ok", frames=9, labels={"class": "walk"}, group="g0"), file)
    assert record == VideoRecord("a", "ok", frames=9, labels={"class": "run"}, group="g1", splits={"1": "test"})


def test_what_was_lost_is_told_in_words() -> None:
    lost = [Lost("stalled"), Lost("too long"), Lost("out of memory"), Lost("crashed"), Lost("failed", "ValueError")]
    assert [reason_of(each, Limits(1.5, 3 * GIB, longest=60.0)) for each in lost] == [
        "no progress for 1.5 s (see --seconds-per-file of unreel prepare)",
        "takes longer than 60 s",
        "needs more than 3 GiB of memory (see --memory-per-file of unreel prepare)",
        "decoder crashed",
        "decoder failed: ValueError",
    ]
