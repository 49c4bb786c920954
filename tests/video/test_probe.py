"""What is learnt of a video while its frames pass by."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path

import av
import pytest
from clips import Clip, cut, number_of, rotate
from folders import real_data

from unreel.errors import VideoError
from unreel.video.collection.fingerprint import Fingerprinter
from unreel.video.collection.probe import Examination, ProbeResult, check_file, checksum_of
from unreel.video.decoding.convert import plane_views
from unreel.video.decoding.decode import open_video
from unreel.video.decoding.timestamps import FrameSpan, Times, measure, played


def examined(path: Path, side: int | None = None) -> tuple[list[int], tuple[int, int], ProbeResult]:
    """The numbers that the upright frames show, their width and height, and what the video is."""
    with open_video(path) as (container, stream):
        video = Examination(container, stream, side)
        framing = video.framing
        lumas = [framing.orientation.turn(plane_views(frame)[0]) for frame in video]
        assert {luma.shape for luma in lumas} == {(framing.height, framing.width)}
        return [number_of(luma) for luma in lumas], (framing.width, framing.height), video.facts(measure(path).rate)


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
@pytest.mark.parametrize("side", [None, 48])
def test_a_video_is_known_when_its_frames_have_passed(tmp_path: Path, quarter_turns: int, side: int | None) -> None:
    clip = Clip(frames=30, width=192, height=96, rate=Fraction(30000, 1001))
    path = rotate(clip.write(tmp_path / "a.mp4"), quarter_turns=quarter_turns)
    numbers, size, facts = examined(path, side)
    expected = (96, 48) if side else (192, 96)
    assert size == (expected if quarter_turns % 2 == 0 else expected[::-1])
    assert (len(numbers), quarter_turns or numbers) == (30, quarter_turns or list(range(30)))
    assert facts.fps == pytest.approx(30000 / 1001)
    assert facts.duration == pytest.approx(1.001)
    assert (facts.frames, facts.constant_rate, facts.codec, facts.reason) == (30, True, "h264", "")
    assert (facts.source_width, facts.source_height, facts.rotation) == (192, 96, 90 * quarter_turns)


def test_odd_frames_of_any_format_pass_as_they_are(tmp_path: Path) -> None:
    path = Clip(codec="ffv1", format="yuv444p10le", width=65, height=49).write(tmp_path / "a.mkv")
    numbers, size, _ = examined(path)
    assert (numbers, size) == (list(range(24)), (65, 49))


@pytest.mark.parametrize(
    ("name", "times", "rate", "constant"),
    [
        ("a.mp4", range(20), 25, True),
        ("a.mkv", [round(frame * 1001 / 30) for frame in range(60)], 1000, True),  # whole milliseconds
        ("a.mp4", [0, 1, 2, 4, 5, 6], 25, False),
        ("a.mkv", [0, 40, 80, 200, 240], 1000, False),
        ("a.mp4", [0], 25, True),
    ],
)
def test_whether_the_rate_is_constant(tmp_path: Path, name: str, times: list[int], rate: int, constant: bool) -> None:
    _, _, facts = examined(Clip(times=times, rate=rate).write(tmp_path / name))
    assert facts.constant_rate is constant


@pytest.mark.data
def test_packed_frames_of_avi_are_at_a_constant_rate() -> None:
    path = real_data("named") / "UCF-101/ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi"
    numbers, _, facts = examined(path)
    assert len(numbers) == 164
    assert (facts.frames, facts.fps, facts.constant_rate, facts.start, facts.duration) == (164, 25.0, True, 0.0, 6.56)


def test_the_fingerprint_is_that_of_the_upright_frames(tmp_path: Path) -> None:
    path = rotate(Clip(frames=30, width=64, height=32).write(tmp_path / "a.mp4"), quarter_turns=1)
    fingerprinter = Fingerprinter()
    with open_video(path) as (container, stream):
        for frame in container.decode(stream):
            fingerprinter.take(plane_views(frame)[0].T[:, ::-1])
    _, _, facts = examined(path)
    assert facts.fingerprint == fingerprinter.fingerprint() != b""


def harmed(path: Path, packets: Iterable[int]) -> Path:
    """The file with the content of some packets overwritten."""
    with open_video(path) as (container, stream):
        found = [(packet.pos, packet.size) for packet in container.demux(stream) if packet.size]
    content = bytearray(path.read_bytes())
    for number in packets:
        start, size = found[number]
        assert start is not None
        content[start : start + size] = bytes([255] * size)
    harmed = path.with_name(f"harmed{path.suffix}")
    harmed.write_bytes(content)
    return harmed


def test_damage_costs_what_is_damaged(tmp_path: Path) -> None:
    path = Clip(frames=40, options={"g": "1"}).write(tmp_path / "a.mp4")
    numbers, _, facts = examined(harmed(path, [20, 10]))
    assert numbers == [number for number in range(40) if number not in (10, 20)]
    assert (facts.frames, facts.lost, facts.reason) == (38, 2, "2 of 40 frames could not be decoded")
    assert not facts.constant_rate
    times = Times.unpacked(facts.times, facts.frames, facts.duration)
    assert times.spans([9, 19, 37], 1) == [(9 / 25, 11 / 25), (21 / 25, 22 / 25), (39 / 25, 40 / 25)]


def test_what_has_lost_more_than_half_is_skipped(tmp_path: Path) -> None:
    path = Clip(frames=40, options={"g": "1"}).write(tmp_path / "a.mp4")
    assert examined(harmed(path, range(10, 30)))[2].lost == 20
    with pytest.raises(VideoError, match=r"^21 of 40 frames could not be decoded$"):
        examined(harmed(path, range(10, 31)))
    with pytest.raises(VideoError, match=r"^decoding failed: "):
        examined(harmed(path, range(40)))


def test_a_video_that_breaks_off_is_known_up_to_there(tmp_path: Path) -> None:
    path = Clip(frames=40, options={"g": "1"}).write(tmp_path / "a.mp4")
    numbers, _, facts = examined(harmed(path, [3, *range(20, 40)]))
    assert numbers == [0, 1, 2, *range(4, 20)]
    assert facts.reason.startswith("1 of 20 frames could not be decoded; truncated after 19 frames: decoding failed: ")
    with pytest.raises(VideoError, match=r"^decoding failed: "):  # less than a clip
        examined(harmed(path, range(15, 40)))


def test_what_an_edit_list_leaves_out_is_not_missing(tmp_path: Path) -> None:
    path = Clip(frames=80, options={"g": "40", "bf": "0"}).write(tmp_path / "a.mp4")
    with av.open(str(path)) as source, av.open(str(tmp_path / "cut.mp4"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size and packet.pts is not None and packet.dts is not None:
                shift = round(Fraction(30, 25) / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
                target.mux(packet)
    numbers, _, facts = examined(tmp_path / "cut.mp4")
    assert numbers == list(range(30, 80))
    assert (facts.reason, facts.lost, facts.start) == ("", 0, 0.0)
    assert facts.duration == pytest.approx(2.0)


def test_a_file_that_just_ends_is_known_by_its_header(tmp_path: Path) -> None:
    whole = Clip(frames=40, width=320, height=240, codec="mpeg4", options={"g": "1"}).write(tmp_path / "whole.avi")
    assert examined(whole)[2].reason == ""
    content = whole.read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: int(len(content) * 0.7)])
    numbers, _, facts = examined(tmp_path / "cut.avi")
    assert 16 <= len(numbers) == facts.frames < 36
    assert facts.reason == f"holds {facts.frames} of the 40 frames that its header announces"


def test_nothing_to_decode_is_skipped(tmp_path: Path) -> None:
    path = Clip(frames=30, codec="mpeg2video").write(tmp_path / "a.ts")
    cut(path, 0.05)
    with pytest.raises(VideoError):
        examined(path)


def test_the_checksum_is_that_of_sha256sum(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert checksum_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(VideoError, match=r"^cannot be opened: no such file or directory$"):
        checksum_of(tmp_path / "none")


def test_what_is_not_worth_opening(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name, reason in {
        "none": "cannot be opened: no such file or directory",
        ".": "a folder that cannot be read",
        "empty": "empty file",
    }.items():
        with pytest.raises(VideoError) as caught:
            check_file(tmp_path / name)
        assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("clip", "name", "remark"),
    [
        (
            Clip(options={"x264-params": "transfer=smpte2084"}),
            "a.mp4",
            "HDR (PQ), which is not tone-mapped: its colours",
        ),
        (Clip(options={"x264-params": "transfer=arib-std-b67"}), "a.mkv", "HDR (HLG), which is not tone-mapped"),
        (Clip(codec="mpeg2video", options={"flags": "+ildct+ilme"}), "a.ts", "interlaced, which is not undone"),
        (Clip(codec="dvvideo", width=720, height=576), "a.avi", "interlaced, which is not undone"),
    ],
)
def test_what_looks_other_than_it_should_is_noted(tmp_path: Path, clip: Clip, name: str, remark: str) -> None:
    assert examined(clip.write(tmp_path / name))[2].reason.startswith(remark)


def test_a_file_that_never_ends_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Clip(frames=2).write(tmp_path / "a.mp4")

    def endless(*_: object) -> Iterator[FrameSpan]:
        with played(path) as film:
            first = next(film.frames)
            yield from (FrameSpan(number / 25, (number + 1) / 25, first.frame) for number in count())

    monkeypatch.setattr("unreel.video.collection.probe.shown", endless)
    with pytest.raises(VideoError, match=f"gives more frames than it has bytes \\({path.stat().st_size}\\)"):
        examined(path)
