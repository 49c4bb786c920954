"""Frame i of a clip is frame i of the whole file, for any file."""

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from clips import Clip, cut, frames_of, number_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jaxtyping import UInt8

from unreel.errors import VideoError
from unreel.video.clips.sampling import runs
from unreel.video.collection.transcode import transcode
from unreel.video.decoding.convert import plane_views
from unreel.video.decoding.decode import (
    KEY_FRAME_INTERVAL,
    Losses,
    PyAVReader,
    VideoReader,
    decode,
    open_video,
)
from unreel.video.decoding.yuv import Colour

FRAMES = 60
KINDS = {
    "plain.mp4": Clip(),
    "b-frames-in-open-groups.mp4": Clip(options={"bf": "3", "g": "12", "x264-params": "open-gop=1"}),
    "b-frames.ts": Clip(options={"bf": "2"}),
    "variable-rate.mkv": Clip(times=[number * number for number in range(FRAMES)], rate=1000),
    "late-start.mp4": Clip(times=range(100, 100 + FRAMES)),
    "mpeg2.mpg": Clip(codec="mpeg2video", options={"bf": "2"}),
    "mpeg4.avi": Clip(codec="mpeg4", options={"g": "300"}),
    "vp9.webm": Clip(codec="libvpx-vp9"),
    "444.mkv": Clip(codec="ffv1", format="yuv444p"),
    "10-bit.mkv": Clip(codec="ffv1", format="yuv420p10le"),
    "grey.avi": Clip(codec="png", format="gray", full_range=True),
    "rgb.avi": Clip(codec="png", format="rgb24"),
}

Whole = UInt8[np.ndarray, "t hh w"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Whole]]:
    """Every kind of file with all its frames, decoded by PyAV alone."""
    folder = tmp_path_factory.mktemp("kinds")
    paths = {name: Clip(**(vars(clip) | {"frames": FRAMES})).write(folder / name) for name, clip in KINDS.items()}
    return {name: (path, whole(path)) for name, path in paths.items()}


@pytest.fixture(scope="module")
def prepared_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Whole]:
    """A prepared file at a rate that is no whole number, with all its frames."""
    folder = tmp_path_factory.mktemp("prepared")
    source = Clip(frames=FRAMES, rate=Fraction(30000, 1001)).write(folder / "source.mp4")
    transcode(source, folder / "prepared.mp4", 48)
    return folder / "prepared.mp4", whole(folder / "prepared.mp4")


def whole(path: Path) -> Whole:
    """Luma above Cb and Cr of every frame of an evenly sized file."""
    with av.open(str(path)) as container:
        return np.stack([_stacked(frame) for frame in container.decode(video=0)])


def _stacked(frame: VideoFrame) -> UInt8[np.ndarray, "hh w"]:
    if frame.format.name == "rgb24":
        frame = frame.reformat(
            format="yuv420p", dst_colorspace=5, src_color_range=2, dst_color_range=1, interpolation="AREA"
        )
    elif frame.format.name == "gray":
        frame = frame.reformat(format="yuv420p", src_color_range=2, dst_color_range=2)
    elif frame.format.name != "yuv420p":
        frame = frame.reformat(format="yuv420p", src_color_range=1, dst_color_range=1, interpolation="AREA")
    stacked: UInt8[np.ndarray, "hh w"] = frame.to_ndarray()
    return stacked


def check(reader: VideoReader, path: Path, frames: Whole, starts: list[int], length: int) -> None:
    """The reader's clips are cut from the whole."""
    height = frames.shape[1] * 2 // 3
    clips = reader.read_frames(path, runs(starts, length))
    assert len(clips) == len(starts)
    for clip, start in zip(clips, starts, strict=True):
        wanted = frames[start : start + length]
        np.testing.assert_array_equal(clip.luma, wanted[:, :height])
        np.testing.assert_array_equal(clip.chroma.reshape(length, -1), wanted[:, height:].reshape(length, -1))


@st.composite
def spans(draw: st.DrawFn) -> tuple[list[int], int]:
    """Starts, in any order and as near as they like, and a length that fits."""
    length = draw(st.integers(1, 20))
    return draw(st.lists(st.integers(0, FRAMES - length), min_size=1, max_size=4)), length


@settings(max_examples=60)
@given(name=st.sampled_from(sorted(KINDS)), span=spans())
def test_clips_are_cut_from_the_whole_file(
    files: dict[str, tuple[Path, Whole]], name: str, span: tuple[list[int], int]
) -> None:
    path, frames = files[name]
    assert len(frames) == FRAMES
    check(PyAVReader(), path, frames, *span)


@settings(max_examples=100)
@given(span=spans())
def test_leaping_over_a_prepared_file_gives_the_same(
    prepared_file: tuple[Path, Whole], span: tuple[list[int], int]
) -> None:
    check(PyAVReader(prepared=True), *prepared_file, *span)


@pytest.mark.parametrize("name", KINDS)
def test_pictures_show_their_number(files: dict[str, tuple[Path, Whole]], name: str) -> None:
    clips = PyAVReader().read_clips(files[name][0], [40, 3, 3], 16)
    assert [[number_of(luma) for luma in clip.luma] for clip in clips] == [
        list(range(start, start + 16)) for start in (40, 3, 3)
    ]


def test_a_prepared_file_is_leaped_over(prepared_file: tuple[Path, Whole], monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    monkeypatch.setattr("unreel.video.decoding.decode.decode", _counting(decoded))
    PyAVReader(prepared=True).read_clips(prepared_file[0], [40, 50], 5)
    assert KEY_FRAME_INTERVAL == 12
    assert len(decoded) == len([*range(36, 45), *range(48, 55)])
    decoded.clear()
    PyAVReader().read_clips(prepared_file[0], [40, 50], 5)
    assert len(decoded) == 55


def _counting(decoded: list[int]) -> Callable[..., Iterator[VideoFrame]]:
    def counted(container: InputContainer, stream: VideoStream, losses: Losses | None = None) -> Iterator[VideoFrame]:
        for frame in decode(container, stream, losses):
            decoded.append(1)
            yield frame

    return counted


def test_opening_a_prepared_file_decodes_nothing(prepared_file: tuple[Path, Whole], tmp_path: Path) -> None:
    for prepared, pixels in ((True, None), (False, "yuv420p")):  # known from a decoded frame only
        with open_video(prepared_file[0], prepared) as (_, stream):
            assert (stream.width, stream.height, stream.codec_context.pix_fmt) == (64, 48, pixels)
    other = Clip(codec="mpeg4").write(tmp_path / "other.avi")
    with pytest.raises(VideoError, match=r"other.avi: not a video, or damaged beyond opening$"):
        PyAVReader(prepared=True).read_clips(other, [0], 1)


def test_odd_sizes_have_their_chroma_rounded_up(tmp_path: Path) -> None:
    path = Clip(codec="libvpx-vp9", width=33, height=35).write(tmp_path / "odd.webm")
    (clip,) = PyAVReader().read_clips(path, [2], 4)
    assert clip.luma.shape == (4, 35, 33)
    assert clip.chroma.shape == (4, 2, 18, 17)
    assert [number_of(luma) for luma in clip.luma] == [2, 3, 4, 5]


def test_cb_comes_before_cr(tmp_path: Path) -> None:
    blue = Clip(frames=1, pictures=lambda _, width, height: np.full((height, width, 3), (0, 0, 255), np.uint8))
    (clip,) = PyAVReader().read_clips(blue.write(tmp_path / "blue.mp4"), [0], 1)
    assert clip.chroma[0, 0].mean() == pytest.approx(240, abs=2)
    assert clip.chroma[0, 1].mean() == pytest.approx(110, abs=2)
    assert clip.colour == Colour("bt601")


def test_a_change_of_size_in_mid_stream_is_scaled_away(tmp_path: Path) -> None:
    small, large = (Clip(frames=10, width=width, height=width * 3 // 4, codec="mpeg2video") for width in (64, 96))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(small.write(tmp_path / "a.ts").read_bytes() + large.write(tmp_path / "b.ts").read_bytes())
    frames = list(frames_of(joined))
    assert {frame.width for frame in frames} == {64, 96}
    (clip,) = PyAVReader().read_clips(joined, [5], 10)
    assert clip.luma.shape == (10, 48, 64)
    numbers = [number_of(plane_views(frame)[0]) for frame in frames]
    assert numbers[:6] == [0, 1, 2, 3, 4, 5]
    assert [number_of(luma) for luma in clip.luma] == numbers[5:15]


def test_no_starts_open_nothing(tmp_path: Path) -> None:
    assert PyAVReader().read_clips(tmp_path / "missing.mp4", [], 16) == []


@pytest.mark.parametrize("prepared", [False, True])
def test_beyond_the_end_says_what_there_is(prepared_file: tuple[Path, Whole], prepared: bool) -> None:
    path, _ = prepared_file
    for start in (FRAMES - 5, FRAMES, FRAMES + 100):
        with pytest.raises(VideoError) as caught:
            PyAVReader(prepared).read_clips(path, [0, start], 6)
        assert str(caught.value) == (
            f"{path}: has {FRAMES} frames, but frames {start} to {start + 5} are wanted. "
            "Prepare the collection again if the file has changed."
        )


def test_metadata_that_is_not_utf_8_does_no_harm(tmp_path: Path) -> None:
    path = Clip(codec="mpeg4", metadata={"title": "QQQQQQQQ"}).write(tmp_path / "a.avi")
    path.write_bytes(path.read_bytes().replace(b"QQQQQQQQ", b"\xe9\xe8\xff\xfe\x80\x81\xe9\xe8"))
    with pytest.raises(UnicodeDecodeError):
        av.open(str(path))
    (clip,) = PyAVReader().read_clips(path, [4], 2)
    assert [number_of(luma) for luma in clip.luma] == [4, 5]


@pytest.mark.parametrize(
    "name", [b"caf\xe9.mp4", b"line\nbreak.mp4", "🎬.mp4".encode(), b"a:b.mp4", b"%03d.mp4", b"-y.mp4"]
)
def test_names_of_any_kind_are_opened(tmp_path: Path, name: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Clip(frames=3).write(tmp_path / "a.mp4").rename(tmp_path / os.fsdecode(name))
    monkeypatch.chdir(tmp_path)
    for each in (path, Path(path.name)):
        (clip,) = PyAVReader().read_clips(each, [0], 3)
        assert [number_of(luma) for luma in clip.luma] == [0, 1, 2]


def test_what_is_no_video_says_so(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
    (tmp_path / "playlist.mp4").write_text(playlist)
    reasons = {path.stem: reason_of(path) for path in (tmp_path / "text.mp4", tmp_path / "playlist.mp4")}
    assert reasons == dict.fromkeys(["text", "playlist"], "not a video, or damaged beyond opening")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.mp4", "ffconcat version 1.0\nfile other.mp4\n"),
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n"),
    ],
)
def test_playlists_of_files_beside_them_are_not_followed(tmp_path: Path, name: str, content: str) -> None:
    Clip().write(tmp_path / "other.mp4")
    (tmp_path / name).write_text(content)
    assert reason_of(tmp_path / name) == "a playlist of other files, not a video itself"
    assert reason_of(tmp_path / "missing.mp4") == "cannot be opened: no such file or directory"


def reason_of(path: Path) -> str:
    """Why a file cannot be decoded."""
    with pytest.raises(VideoError) as caught, open_video(path):
        pass
    return str(caught.value)


@pytest.mark.parametrize("cover", [False, True])
def test_sound_is_no_video_even_with_a_cover(tmp_path: Path, cover: bool) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=16000)
        silence = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        silence.sample_rate = 16000
        if cover:
            picture = container.add_stream("mjpeg", rate=25)
            picture.width, picture.height, picture.pix_fmt = 32, 32, "yuvj420p"
            picture.disposition = Disposition.attached_pic
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
        if cover:
            frame = av.VideoFrame(32, 32, "yuvj420p")
            frame.pts = 0
            container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
    assert reason_of(path) == "no video stream"


def test_a_codec_without_decoder_is_named(tmp_path: Path) -> None:
    path = Clip(codec="mpeg4").write(tmp_path / "a.avi")
    path.write_bytes(path.read_bytes().replace(b"FMP4", b"ZZZZ"))
    assert reason_of(path) == "no decoder for its codec"


def test_a_stream_that_breaks_off_is_an_error_of_the_clip_beyond(
    prepared_file: tuple[Path, Whole], tmp_path: Path
) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(prepared_file[0].read_bytes())
    cut(path, 0.7)
    check(PyAVReader(prepared=True), path, prepared_file[1], [0, 4], 16)
    with pytest.raises(VideoError, match=r"cut.mp4: has \d+ frames, but frames 44 to 59 are wanted"):
        PyAVReader().read_clips(path, [FRAMES - 16], 16)
    with pytest.raises(VideoError, match=r"decoding failed: invalid data found when processing input$"):
        PyAVReader(prepared=True).read_clips(path, [24], 16)
    with pytest.raises(VideoError, match=r"cut.mp4: breaks off before frame 44. Prepare the collection again.$"):
        PyAVReader(prepared=True).read_clips(path, [FRAMES - 16], 16)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), value=st.integers(0, 255), starts=st.lists(st.integers(0, FRAMES - 8), min_size=1, max_size=2))
def test_a_damaged_header_gives_an_error_or_no_other_frames(
    prepared_file: tuple[Path, Whole], tmp_path: Path, data: st.DataObject, value: int, starts: list[int]
) -> None:
    content = bytearray(prepared_file[0].read_bytes())
    parameters = content.index(b"avcC")  # what these do to pictures is another matter
    places = [*range(parameters), *range(parameters + 60, content.index(b"mdat"))]
    content[data.draw(st.sampled_from(places))] = value
    path = tmp_path / "harmed.mp4"
    path.write_bytes(content)
    try:
        with open_video(path) as (container, stream):  # an edit list may hide some frames
            expected = [number_of(plane_views(frame)[0]) for frame in decode(container, stream, Losses())]
        clips = PyAVReader(prepared=True).read_clips(path, starts, 8)
    except VideoError:
        return
    numbers = [[number_of(luma) for luma in clip.luma] for clip in clips]
    assert numbers == [expected[start : start + 8] for start in starts]


def test_one_thread_and_closed_at_the_end(tmp_path: Path) -> None:
    path = Clip().write(tmp_path / "a.mp4")
    with open_video(path) as (container, stream):
        assert stream.codec_context.thread_count == 1
    with pytest.raises((AssertionError, ValueError, OSError)):
        next(container.demux(stream))
