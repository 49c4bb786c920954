"""One video in, one small upright file with the same frames out."""

import os
import resource
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import Clip, cut, frames_of, number_of, picture, rotate, solid
from jaxtyping import UInt8

from unreel.errors import OutputError, VideoError
from unreel.video.collection.transcode import PreparedFile, prepare_file, transcode
from unreel.video.decoding.convert import colour_of, plane_views
from unreel.video.decoding.decode import KEY_FRAME_INTERVAL, open_video
from unreel.video.decoding.yuv import Colour


def lumas(path: Path) -> list[UInt8[np.ndarray, "h w"]]:
    return [plane_views(frame)[0] for frame in frames_of(path)]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("name", "clip"),
    {
        "b-frames.mp4": Clip(frames=50, options={"bf": "3", "g": "12", "x264-params": "open-gop=1"}),
        "variable-rate.mkv": Clip(times=[0, 1, 2, 40, 41, 90, 91, 92, 93, 200], rate=1000),
        "odd.webm": Clip(codec="libvpx-vp9", width=65, height=49),
        "10-bit.mkv": Clip(codec="ffv1", format="yuv444p10le"),
        "grey.avi": Clip(codec="png", format="gray", full_range=True),
        "same-size.mp4": Clip(frames=30, options={"g": "5"}),
        "small.mp4": Clip(width=32, height=24),
        "mpeg4.avi": Clip(frames=100, codec="mpeg4", width=320, height=240),
    }.items(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_frame_becomes_one_frame(tmp_path: Path, name: str, clip: Clip) -> None:
    source = clip.write(tmp_path / name)
    made = transcode(source, tmp_path / "out.mp4", 48)
    numbers = list(range(len(list(clip.times or range(clip.frames)))))
    assert [number_of(luma) for luma in lumas(tmp_path / "out.mp4")] == numbers
    assert (made.source.frames, made.source.width, made.source.height, made.source.reason) == (len(numbers), 64, 48, "")
    assert names(tmp_path) == {name, "out.mp4"}


@pytest.mark.parametrize("rate", [25, Fraction(30000, 1001), Fraction(6000, 241), 8])
def test_the_layout_of_a_prepared_file(tmp_path: Path, rate: Fraction | int) -> None:
    source = Clip(frames=40, rate=rate, options={"bf": "2"}).write(tmp_path / "a.mp4")
    made = transcode(source, tmp_path / "out.mp4", 48)
    with av.open(str(tmp_path / "out.mp4")) as container:
        (stream,) = container.streams
        assert stream.average_rate == rate == pytest.approx(made.source.fps)
        assert stream.frames == 40
        packets = [packet for packet in container.demux(stream) if packet.size]
        times = [packet.pts for packet in packets if packet.pts is not None]
        assert [time * packets[0].time_base * rate for time in times] == list(range(40))
        assert [packet.dts for packet in packets] == times
        assert [index for index, packet in enumerate(packets) if packet.is_keyframe] == list(
            range(0, 40, KEY_FRAME_INTERVAL)
        )
    content = (tmp_path / "out.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_the_facts_of_the_source_are_told(tmp_path: Path) -> None:
    source = rotate(Clip(frames=50, width=192, height=96).write(tmp_path / "a.mp4"), quarter_turns=1)
    made = transcode(source, tmp_path / "out.mp4", 48)
    facts = made.source
    assert (facts.codec, facts.source_width, facts.source_height, facts.rotation) == ("h264", 192, 96, 90)
    assert facts.duration == pytest.approx(2.0)
    assert (facts.fps, facts.constant_rate, facts.width, facts.height) == (25.0, True, 48, 96)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_pictures_come_out_upright(tmp_path: Path, quarter_turns: int, mirrored: bool) -> None:
    source = Clip(frames=1, pictures=lambda _, width, height: picture(0b01001101, width, height))
    path = rotate(source.write(tmp_path / "a.mp4"), quarter_turns=quarter_turns, mirrored=mirrored)
    stored = lumas(path)[0]
    made = transcode(path, tmp_path / "out.mp4", 48)
    upright = np.rot90(stored[:, ::-1] if mirrored else stored, -quarter_turns)
    (found,) = lumas(tmp_path / "out.mp4")
    assert found.shape == upright.shape == (made.source.height, made.source.width)
    assert np.abs(found.astype(int) - upright).mean() < 2
    assert made.source.rotation == quarter_turns * 90


@pytest.mark.parametrize(
    ("width", "height", "aspect", "size"),
    [
        (320, 240, None, (64, 48)),
        (340, 256, None, (64, 48)),
        (240, 320, None, (48, 64)),
        (192, 108, None, (86, 48)),
        (64, 48, Fraction(2), (128, 48)),
        (64, 48, Fraction(1, 2), (48, 72)),
        (64, 48, Fraction(99), (64, 48)),
    ],
)
def test_the_shorter_side_is_as_asked_and_pixels_are_square(
    tmp_path: Path, width: int, height: int, aspect: Fraction | None, size: tuple[int, int]
) -> None:
    source = Clip(frames=2, width=width, height=height, aspect=aspect).write(tmp_path / "a.mp4")
    made = transcode(source, tmp_path / "out.mp4", 48)
    assert (made.source.width, made.source.height) == size
    with open_video(tmp_path / "out.mp4") as (_, stream):
        assert (stream.width, stream.height) == size
        assert stream.sample_aspect_ratio in (None, 1)


@pytest.mark.parametrize(
    "clip",
    [
        Clip(),
        Clip(matrix="bt709", tagged=True),
        Clip(full_range=True, tagged=True),
        pytest.param(
            Clip(matrix="bt2020", format="yuv420p10le", tagged=True),
            marks=pytest.mark.skipif(av.__version__ < "18", reason="PyAV could not write BT.2020 before 18"),
        ),
        Clip(format="yuv444p", matrix="bt709", tagged=True),
        Clip(codec="ffv1", format="bgr0"),
    ],
    ids=["601", "709", "full", "2020", "444", "rgb"],
)
def test_all_prepared_files_have_one_colour(tmp_path: Path, clip: Clip) -> None:
    for rgb in ((200, 50, 30), (20, 180, 90), (255, 255, 255)):
        source = Clip(**(vars(clip) | {"pictures": solid(*rgb), "frames": 2})).write(tmp_path / "a.mkv")
        transcode(source, tmp_path / "out.mp4", 32)
        frame = next(frames_of(tmp_path / "out.mp4"))
        assert frame.format.name == "yuv420p"
        assert (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc) == (6, 1, 6, 6)
        assert colour_of(frame) == Colour("bt601")
        codes = np.array([*(plane[10, 10] for plane in plane_views(frame)), 1])
        np.testing.assert_allclose(Colour("bt601").to_rgb() @ codes * 255, rgb, atol=6)


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    source = Clip(frames=60, width=320, height=240).write(tmp_path / "a.mp4")
    for name in ("one.mp4", "two.mp4"):
        transcode(source, tmp_path / name, 48)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_the_tick_of_a_clock_is_not_taken_for_the_rate(tmp_path: Path) -> None:
    recorded = Clip(times=range(0, 1000, 40), rate=1000, codec="libvpx").write(tmp_path / "a.webm")
    with open_video(recorded) as (_, stream):
        assert stream.average_rate == 1000
    assert transcode(recorded, tmp_path / "out.mp4", 48).source.fps == 25.0
    single = Clip(frames=1, rate=1000, codec="libvpx").write(tmp_path / "b.webm")
    assert transcode(single, tmp_path / "out.mp4", 48).source.fps == 25.0


def broken(folder: Path, frames: int) -> Path:
    """A file with its table of contents first and its second half missing."""
    source = Clip(frames=frames, width=320, height=240).write(folder / "a.mp4")
    transcode(source, folder / "whole.mp4", 240)
    return cut(folder / "whole.mp4", 0.5)


def test_a_video_that_breaks_off_is_kept_up_to_there(tmp_path: Path) -> None:
    source = broken(tmp_path, 100)
    made = transcode(source, tmp_path / "out.mp4", 48)
    numbers = [number_of(luma) for luma in lumas(tmp_path / "out.mp4")]
    assert 16 <= made.source.frames < 100
    assert numbers == list(range(made.source.frames))
    assert made.source.reason == (
        f"truncated after {made.source.frames} frames: decoding failed: invalid data found when processing input"
    )


def test_less_than_a_clip_of_a_broken_video_is_skipped(tmp_path: Path) -> None:
    source = broken(tmp_path, 20)
    with pytest.raises(VideoError, match=r"^decoding failed: invalid data found when processing input$"):
        transcode(source, tmp_path / "out.mp4", 48)
    assert names(tmp_path) == {"a.mp4", "whole.mp4"}


def test_a_short_video_is_no_broken_one(tmp_path: Path) -> None:
    assert transcode(Clip(frames=3).write(tmp_path / "a.mp4"), tmp_path / "out.mp4", 48).source.frames == 3


def test_a_video_without_frames_is_skipped(tmp_path: Path) -> None:
    path = Clip(codec="mpeg4").write(tmp_path / "a.avi")
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"movi") + 4])
    with pytest.raises(VideoError, match=r"^no frame could be decoded$"):
        transcode(path, tmp_path / "out.mp4", 48)


def test_a_ribbon_is_skipped(tmp_path: Path) -> None:
    path = Clip(frames=1, width=640, height=32).write(tmp_path / "a.mp4")
    with pytest.raises(VideoError, match=r"^one side is more than 16 times the other$"):
        transcode(path, tmp_path / "out.mp4", 48)


def test_what_need_not_be_opened_is_refused_by_its_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "device.mp4").symlink_to("/dev/zero")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    reasons = {
        "empty": "empty file",
        "folder": "a folder that cannot be read",
        "pipe": "not a regular file",
        "device": "not a regular file",
        "loop": "cannot be opened: too many levels of symbolic links",
        "missing": "cannot be opened: no such file or directory",
    }
    for name, reason in reasons.items():
        with pytest.raises(VideoError, match=f"^{reason}$"):
            transcode(tmp_path / f"{name}.mp4", tmp_path / "out.mp4", 48)
    closed = Clip(frames=1).write(tmp_path / "closed.mp4")
    monkeypatch.setattr(os, "access", lambda path, _: path != closed)
    with pytest.raises(VideoError, match=r"^cannot be opened: permission denied$"):
        transcode(closed, tmp_path / "out.mp4", 48)


def test_a_full_disk_is_no_fault_of_the_video(tmp_path: Path) -> None:
    source = Clip(frames=100, width=320, height=240).write(tmp_path / "a.mp4")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"out\.mp4 cannot be written: File too large\. Free some space"):
            prepare_file(source, tmp_path / "out.mp4", 240)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == {"a.mp4"}


def test_what_is_known_is_not_done_again(tmp_path: Path) -> None:
    source = Clip(frames=4).write(tmp_path / "a.mp4")
    first = prepare_file(source, tmp_path / "out.mp4", 48)
    assert first.transcoded is not None
    assert len(first.checksum) == 64
    (tmp_path / "out.mp4").unlink()
    assert prepare_file(source, tmp_path / "out.mp4", 48, first.checksum) == PreparedFile(first.checksum)
    assert not (tmp_path / "out.mp4").exists()
    assert prepare_file(source, tmp_path / "out.mp4", 48, "other") == first


def test_a_refusal_carries_the_checksum(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("hello")
    outcome = prepare_file(tmp_path / "a.mp4", tmp_path / "out.mp4", 48)
    assert outcome.reason == "not a video, or damaged beyond opening"
    assert outcome.checksum == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert outcome.transcoded is None
