"""torchcodec gives the frames of PyAV, or rejects."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import Clip, number_of, rotate
from folders import real_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unreel.errors import MissingExtraError, VideoError
from unreel.video.collection.transcode import transcode
from unreel.video.decoding.decode import PyAVReader, VideoReader
from unreel.video.decoding.torchcodec_reader import TorchCodecReader
from unreel.video.decoding.yuv import Colour, Planes

try:
    TorchCodecReader()
except MissingExtraError as missing:
    pytest.skip(str(missing), allow_module_level=True)

FRAMES = 60
READ = {
    "plain.mp4": Clip(),
    "b-frames-in-open-groups.mp4": Clip(options={"bf": "3", "g": "12", "x264-params": "open-gop=1"}),
    "late-start.mp4": Clip(times=range(100, 100 + FRAMES)),
    "variable-rate.mkv": Clip(times=[number * number for number in range(FRAMES)], rate=1000),
    "709.mp4": Clip(matrix="bt709", tagged=True),
    "hevc.mkv": Clip(codec="libx265", options={"x265-params": "log-level=none:pools=none:frame-threads=1"}),
    "vp9.webm": Clip(codec="libvpx-vp9"),
    "mpeg4.avi": Clip(codec="mpeg4", width=320, height=240, options={"g": "12"}),
    "mjpeg.avi": Clip(codec="mjpeg", format="yuvj420p", full_range=True),
    "ffv1-10-bit.mkv": Clip(codec="ffv1", format="yuv420p10le"),
    "png.avi": Clip(codec="png", format="rgb24"),
}
REFUSED = {
    "b-frames.ts": (Clip(options={"bf": "2"}), "not every packet of h264 in mpegts is a frame"),
    "mpeg2.mpg": (Clip(codec="mpeg2video"), "not every packet of mpeg2video in mpeg is a frame"),
    "hidden-frames.webm": (
        Clip(codec="libvpx", options={"auto-alt-ref": "1", "lag-in-frames": "16"}),
        "not every packet of vp8 in matroska,webm is a frame",
    ),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every kind of file that is read, and a prepared one."""
    folder = tmp_path_factory.mktemp("kinds")
    paths = {name: Clip(**(vars(clip) | {"frames": FRAMES})).write(folder / name) for name, clip in READ.items()}
    source = Clip(frames=FRAMES, rate=Fraction(30000, 1001)).write(folder / "source.mp4")
    transcode(source, folder / "prepared.mp4", 48)
    return {**paths, "prepared.mp4": folder / "prepared.mp4"}


def numbers_of(clips: list[Planes]) -> list[list[int]]:
    """The numbers that the pictures show."""
    return [[number_of(luma) for luma in clip.luma] for clip in clips]


def rgb_of(clips: list[Planes]) -> list[np.ndarray]:
    """RGB, 0 to 1, at half the size."""
    stacks = [np.concatenate([clip.luma[:, None, ::2, ::2], clip.chroma], axis=1) for clip in clips]
    codes = [np.concatenate([stack, np.ones_like(stack[:, :1])], axis=1) for stack in stacks]
    return [np.einsum("rc,tchw->trhw", clip.colour.to_rgb(), code) for clip, code in zip(clips, codes, strict=True)]


def reason_of(reader: VideoReader, path: Path, starts: list[int], length: int = 16) -> str:
    """Why a file is skipped."""
    with pytest.raises(VideoError) as caught:
        reader.read_clips(path, starts, length)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from([*READ, "prepared.mp4"]), length=st.integers(1, 20))
def test_the_frames_are_those_of_pyav(files: dict[str, Path], data: st.DataObject, name: str, length: int) -> None:
    starts = data.draw(st.lists(st.integers(0, FRAMES - length), min_size=1, max_size=4))
    prepared = name == "prepared.mp4" and data.draw(st.booleans())
    clips = TorchCodecReader(prepared).read_clips(files[name], starts, length)
    expected = PyAVReader().read_clips(files[name], starts, length)
    assert numbers_of(clips) == [list(range(start, start + length)) for start in starts]
    assert {clip.colour for clip in clips} == {Colour("bt601")}
    for rgb, known in zip(rgb_of(clips), rgb_of(expected), strict=True):
        assert rgb.shape == known.shape
        assert np.abs(rgb - known.clip(0, 1)).mean() < 0.02


def test_prepared_planes_differ_by_rounding_only(files: dict[str, Path]) -> None:
    (clip,) = TorchCodecReader(prepared=True).read_clips(files["prepared.mp4"], [20], 16)
    (expected,) = PyAVReader(prepared=True).read_clips(files["prepared.mp4"], [20], 16)
    luma, chroma = clip.luma.astype(int) - expected.luma, clip.chroma.astype(int) - expected.chroma
    assert np.abs(luma).mean() < 2
    assert np.abs(chroma).mean() < 2


@pytest.mark.parametrize("name", REFUSED)
def test_packets_that_may_be_no_frame_are_skipped(tmp_path: Path, name: str) -> None:
    clip, reason = REFUSED[name]
    path = Clip(**(vars(clip) | {"frames": FRAMES})).write(tmp_path / name)
    assert reason_of(TorchCodecReader(), path, [0]) == (
        f"torchcodec counts packets, and {reason}. Read it with PyAVReader, or prepare the collection."
    )


def remuxed(source: Path, target: Path, packets: dict[int, bytes | None], times: dict[int, int] | None = None) -> Path:
    """A copy in which some packets hold other bytes, are missing, or have other times (in ticks of the source)."""
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(container.streams.video[0])
        for number, packet in enumerate(container.demux(video=0)):
            content = packets.get(number, bytes(packet))
            if content:
                changed = av.Packet(content)
                changed.pts = changed.dts = (times or {}).get(number, packet.pts)
                changed.time_base = packet.time_base
                changed.is_keyframe, changed.stream = packet.is_keyframe, stream
                out.mux(changed)
    return target


def test_a_frame_that_is_not_coded_is_skipped(files: dict[str, Path], tmp_path: Path) -> None:
    not_coded = bytes.fromhex("000001b6504f7f")  # as Xvid and DivX write it where nothing moves
    path = remuxed(files["mpeg4.avi"], tmp_path / "skipped.avi", {5: not_coded})
    numbers = numbers_of(PyAVReader().read_clips(path, [0], 20))
    assert numbers != [list(range(20))]  # the contract skips it, the times do not
    assert reason_of(TorchCodecReader(), path, [0]) == (
        "torchcodec counts packets, and some of these are no picture. "
        "Read it with PyAVReader, or prepare the collection."
    )


def test_a_missing_key_frame_is_skipped(files: dict[str, Path], tmp_path: Path) -> None:
    path = remuxed(files["mpeg4.avi"], tmp_path / "headless.avi", {0: None})
    assert reason_of(TorchCodecReader(), path, [0]) == (
        "torchcodec counts frames whose key frame is missing. Read it with PyAVReader, or prepare the collection."
    )


def test_frames_of_the_same_time_are_skipped(files: dict[str, Path], tmp_path: Path) -> None:
    with av.open(str(files["mjpeg.avi"])) as container:
        times = [packet.pts for packet in container.demux(video=0)]
    path = remuxed(files["mjpeg.avi"], tmp_path / "twice.mkv", {}, {7: times[6] or 0})
    assert reason_of(TorchCodecReader(), path, [0]) == (
        "torchcodec counts by times, and not every frame has one of its own. "
        "Read it with PyAVReader, or prepare the collection."
    )


@pytest.mark.parametrize(("codec", "name"), [("libx264", "h264"), ("mpeg4", "mpeg4")])
def test_reordered_frames_in_avi_are_skipped(tmp_path: Path, codec: str, name: str) -> None:
    path = Clip(frames=FRAMES, codec=codec, width=320, height=240, options={"bf": "2"}).write(tmp_path / "b.avi")
    assert reason_of(TorchCodecReader(), path, [0]) == (
        f"torchcodec counts packets, and not every packet of {name} in avi is a frame. "
        "Read it with PyAVReader, or prepare the collection."
    )


def test_a_turned_picture_is_skipped(files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "turned.mp4"
    path.write_bytes(files["plain.mp4"].read_bytes())
    assert reason_of(TorchCodecReader(), rotate(path, quarter_turns=1), [0]) == (
        "torchcodec turns pictures upright that are stored turned. Read it with PyAVReader, or prepare the collection."
    )


def test_a_file_that_is_not_prepared_gives_itself_away(files: dict[str, Path]) -> None:
    assert reason_of(TorchCodecReader(prepared=True), files["variable-rate.mkv"], [30], 4).startswith(
        "torchcodec gave a frame of 0.9000 s for frame 30, which is at "
    )


@pytest.mark.parametrize("prepared", [False, True])
def test_beyond_the_end_says_what_there_is(files: dict[str, Path], prepared: bool) -> None:
    for reader in (TorchCodecReader(prepared), PyAVReader(prepared)):
        assert reason_of(reader, files["prepared.mp4"], [0, FRAMES - 5], 6) == (
            "has 60 frames, but frames 55 to 60 are wanted. Prepare the collection again if the file has changed."
        )


def test_no_starts_open_nothing(tmp_path: Path) -> None:
    assert TorchCodecReader().read_clips(tmp_path / "missing.mp4", [], 16) == []


def test_what_is_no_video_says_so(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    assert reason_of(TorchCodecReader(), tmp_path / "text.mp4", [0]) == "not a video, or damaged beyond opening"
    assert reason_of(TorchCodecReader(prepared=True), tmp_path / "text.mp4", [0]).startswith(
        "decoding with torchcodec failed: "
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["plain.mp4", "mpeg4.avi", "vp9.webm", "prepared.mp4"]), data=st.data())
def test_damage_is_a_video_error_or_none(
    files: dict[str, Path], tmp_path: Path, name: str, data: st.DataObject
) -> None:
    content = bytearray(files[name].read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=20)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / name
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        clips = TorchCodecReader(name == "prepared.mp4").read_clips(path, [3, 40], 8)
    except VideoError as error:
        assert str(error).startswith(f"{path}: ")
    else:
        assert [len(clip.luma) for clip in clips] == [8, 8]


def test_torchcodec_without_ffmpeg_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torchcodec.py").write_text("raise RuntimeError('Could not load libtorchcodec.')")
    _forget_torchcodec(monkeypatch)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError) as caught:
        TorchCodecReader()
    assert str(caught.value) == (
        "got a torchcodec that cannot be loaded, which mostly means that it finds no FFmpeg libraries: "
        "Could not load libtorchcodec. "
        "Install FFmpeg (see https://github.com/meta-pytorch/torchcodec#installing-torchcodec) or use PyAVReader."
    )


def test_without_torchcodec_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _forget_torchcodec(monkeypatch)
    monkeypatch.setattr("sys.meta_path", [_Nowhere(), *sys.meta_path])
    with pytest.raises(MissingExtraError, match=r"pip install 'unreel\[torchcodec\]'$"):
        TorchCodecReader()


class _Nowhere:
    def find_spec(self, name: str, *_: Any) -> None:
        if name == "torchcodec":
            raise ModuleNotFoundError(name=name)


def _forget_torchcodec(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchcodec"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.data
@pytest.mark.parametrize("name", ["named", "weizmann", "fights", "pushups"])
def test_real_videos_are_read_alike_or_skipped(name: str) -> None:
    skipped = set()
    for path in sorted(path for path in real_data(name).rglob("*") if path.suffix in (".avi", ".mp4"))[:30]:
        try:
            clips = TorchCodecReader().read_clips(path, [20, 2], 8)
        except VideoError:
            skipped.add(path.parent.name)
            continue
        for clip, expected in zip(clips, PyAVReader().read_clips(path, [20, 2], 8), strict=True):
            differences = np.abs(clip.luma.astype(int) - expected.luma).mean(axis=(1, 2))
            assert differences.max() < 5, path
    packed = {"ApplyEyeMakeup", "cartwheel", "wave"} if name == "named" else set()
    assert skipped == packed  # B-frames packed with others, and empty packets in their places
