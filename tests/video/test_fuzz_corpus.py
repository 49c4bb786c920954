"""The fuzz corpus is what it says: checked by decoding its good videos with nothing but PyAV."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from clips import Clip
from fuzz_pieces import Expected, decoded, marker_bytes, numbered, patched, retimed, shown, with_hole
from hypothesis import given
from hypothesis import strategies as st

GENERATOR = Path(__file__).parents[1] / "support" / "fuzz_corpus.py"


@dataclass(frozen=True)
class Written:
    """A corpus that the program has written, and what it has said."""

    folder: Path
    said: str
    expected: dict[str, Expected]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("corpus") / "corpus"
    command = [sys.executable, str(GENERATOR), str(folder), "--flips", "20"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    expected = json.loads((folder / "expected.json").read_text())
    return Written(folder, run.stdout, {name: Expected(**facts) for name, facts in expected.items()})


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="no such priorities here")
@pytest.mark.skipif("libsvtav1" not in av.codecs_available, reason="no SVT-AV1 here")
def test_writing_a_video_leaves_the_priority_as_it_was(tmp_path: Path) -> None:
    before = os.sched_getscheduler(0)
    Clip(codec="libsvtav1").write(tmp_path / "a.mkv")
    assert os.sched_getscheduler(0) == before


@given(st.integers(0, 255), st.integers(0, 255), st.integers(17, 90), st.integers(17, 90))
def test_pictures_show_their_number_and_their_video(number: int, video: int, width: int, height: int) -> None:
    assert shown(numbered(video)(number, width, height)[..., 0]) == (number, video)


@given(st.integers(1, 3), st.booleans())
def test_turned_pictures_are_stored_turned(turns: int, mirrored: bool) -> None:
    def turn(upright: np.ndarray) -> np.ndarray:
        return np.rot90(upright, turns)[:, :: -1 if mirrored else 1]

    stored = numbered(200, 3, turn)(4, 40, 60)
    assert stored.shape == (60, 40, 3)
    assert shown(np.rot90(stored[:, :: -1 if mirrored else 1], -turns)[..., 0]) == (7, 200)


def test_patching_changes_what_it_names_only() -> None:
    assert patched(b"..moov1234moov", b"moov", 5, b"xy") == b"..moov1xy4moov"
    assert patched(b"..moov1234moov", b"moov", -1, b"x") == b".xmoov1234moov"
    assert (marker_bytes("moov"), marker_bytes("0x1a45")) == (b"moov", b"\x1a\x45")


@pytest.mark.parametrize("suffix", ["mkv", "flv"])
def test_retimed_packets_have_the_times_that_were_asked_for(tmp_path: Path, suffix: str) -> None:
    path = Clip(options={"bf": "0"}).write(tmp_path / f"a.{suffix}")
    path.write_bytes(retimed(path.read_bytes(), lambda index: 1000 + 7 * index))
    with av.open(str(path)) as container:
        times = [packet.dts * packet.time_base for packet in container.demux(video=0) if packet.dts is not None]
    assert [float(time) for time in times] == pytest.approx([1 + 0.007 * index for index in range(24)])


def test_a_hole_takes_no_room(tmp_path: Path) -> None:
    facts = with_hole(Clip().write(tmp_path / "a.mp4").read_bytes(), tmp_path / "b.mp4").stat()
    assert facts.st_size > 5 << 30
    assert facts.st_blocks * 512 < 1 << 20


@pytest.mark.slow
def test_the_program_tells_of_every_file(written: Written) -> None:
    found = {
        os.fsencode(Path(here, name).relative_to(written.folder)).decode("utf-8", "backslashreplace")
        for here, _, names in os.walk(written.folder)
        for name in names
    } - {"expected.json"}
    links = {name for name in found if not written.folder.joinpath(name).suffix}  # to folders
    assert found - links == written.expected.keys()
    assert written.said == f"{len(written.expected)} files in {written.folder}\n"
    by_hand = [name for name in written.expected if not name.startswith("flipped/")]
    assert (len(by_hand) >= 600, len(written.expected) - len(by_hand)) == (True, 20)


@pytest.mark.slow
def test_good_videos_decode_to_the_pictures_that_are_expected_of_them(written: Written) -> None:
    good = {name: expected for name, expected in written.expected.items() if expected.fate == "ok"}
    assert len(good) > 250
    for name, expected in good.items():
        path = written.folder / name
        if "\\x" in name:
            continue  # its name is no text: the same file as good/mp4.mp4
        seen = list(decoded(path))
        assert (name, len(seen)) == (name, expected.frames)
        if expected.video and not name.startswith("orientations/"):
            assert (name, seen) == (name, [(number, expected.video) for number in range(expected.frames)])


@pytest.mark.slow
def test_videos_differ_in_their_numbers(written: Written) -> None:
    numbers = [expected.video for name, expected in written.expected.items() if name.startswith("codecs/")]
    assert len(numbers) > 60
    assert len(numbers) - len(set(numbers)) == 1  # "from mid-group" is made of another
