"""When frames are shown: against FFmpeg's own ffprobe, and against the pictures that frames are."""

import json
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import Clip, number_of
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import CollectionError, VideoError
from unreel.search.query_clip import ClipRequest, read_piece
from unreel.video.clips.sampling import consecutive_starts
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions, ScanOptions
from unreel.video.collection.prepare import prepare
from unreel.video.collection.scan import scan
from unreel.video.decoding.decode import PyAVReader, open_video
from unreel.video.decoding.timestamps import Times, measure, packet_times, played
from unreel.web.clip_worker import cut_piece

LENGTH = 16
SCREEN = [*(number * 33 for number in range(60)), *range(2000, 12000, 1000), *range(12000, 13000, 33)]
GAPS = [*range(20), *range(45, 75)]


def shifted(source: Path, target: Path, seconds: int, *, sound: bool = False, packets: int | None = None) -> Path:
    """The packets of a file again, shown so much later; below 0 they are left out by an edit list."""
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        noise = written.add_stream("aac" if target.suffix != ".webm" else "libopus", rate=48000) if sound else None
        for number in range(seconds * 47 if noise else 0):
            assert isinstance(noise, av.AudioStream)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.float32), "flt", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = 48000, number * 1024, Fraction(1, 48000)
            written.mux(noise.encode(frame))
        for packet in list(read.demux(video=0))[:packets]:
            if packet.pts is not None and packet.dts is not None:
                shift = round(seconds / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                written.mux(packet)
    return target


def later(path: Path) -> Path:
    """Sound from the beginning, pictures from 3 s on."""
    return shifted(Clip(frames=100).write(path.with_name("whole.mp4")), path, 3, sound=True)


def lossless_cut(path: Path) -> Path:
    """Cut between two key frames, without encoding anew."""
    return shifted(Clip(frames=120, options={"g": "50"}).write(path.with_name("whole.mp4")), path, -1)


FILES: dict[str, Callable[[Path], Path]] = {
    "even.mp4": Clip(frames=100, options={"bf": "2"}).write,
    "ntsc.mkv": Clip(frames=100, rate=Fraction(30000, 1001)).write,
    "screen.mp4": Clip(times=SCREEN, rate=1000).write,
    "screen.mkv": Clip(times=SCREEN, rate=1000).write,
    "browser.webm": Clip(times=[0, 16, 66, 99, 130, *range(163, 3000, 37)], rate=1000, codec="libvpx").write,
    "later.mkv": later,
    "later.mp4": later,
    "later.ts": later,
    "cut.mp4": lossless_cut,
    "timelapse.mp4": Clip(frames=50, rate=Fraction(1, 10)).write,
    "daily.mkv": Clip(frames=40, rate=Fraction(1, 86400)).write,
    "fast.mp4": Clip(frames=200, rate=480).write,
    "faster.mp4": Clip(frames=200, rate=960).write,
    "slow-motion.mov": Clip(times=[number * 10 + 3 * (number % 2) for number in range(200)], rate=2400).write,
    "dropped.avi": Clip(times=GAPS, codec="mjpeg", format="yuvj420p").write,
    "b-frames.avi": Clip(frames=80, codec="mpeg4", options={"bf": "2"}).write,
    "single.mp4": Clip(frames=1).write,
}


def seen(path: Path) -> list[tuple[float, int]]:
    """When each frame is shown, after the earliest of all streams, and its number."""
    with av.open(str(path)) as container:
        zero = Fraction(container.start_time or 0, 1_000_000)
        frames = list(container.decode(video=0))
        return [
            (float(frame.pts * frame.time_base - zero), number_of(frame.to_ndarray(format="gray")))
            for frame in frames
            if frame.pts is not None and frame.time_base is not None
        ]


def probed(path: Path) -> list[tuple[float, float]]:
    """The same as ffprobe tells it: start and, where it knows it, length."""
    words = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-show_frames",
        "-show_format",
        "-of",
        "json",
        str(path),
    ]
    found = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    zero = float(found["format"]["start_time"])
    spans = []
    for frame in found["frames"]:
        length = float(frame.get("duration_time") or frame.get("pkt_duration_time") or 0)
        spans.append((float(frame["best_effort_timestamp_time"]) - zero, length))
    return spans


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """All these files, prepared."""
    folder = tmp_path_factory.mktemp("times")
    for name, write in FILES.items():
        write(folder / Path(name).stem / name)
        (folder / Path(name).stem / "whole.mp4").unlink(missing_ok=True)
    return folder, prepare(folder, folder.with_name("prepared"), PrepareOptions(side=48, workers=2))


@pytest.mark.parametrize("name", FILES)
def test_clips_begin_and_end_when_a_player_shows_them(prepared: tuple[Path, Manifest], name: str) -> None:
    folder, manifest = prepared
    record = next(record for record in manifest if record.id.endswith(f"/{name}"))
    assert (record.status, record.reason, record.lost) == ("ok", "", 0)
    path = folder / record.id
    times = [time for time, _ in seen(path)]
    if name == "b-frames.avi":  # made up by FFmpeg, and not in order
        times = [number / 25 for number in range(80)]
    frame = 0.5 / record.fps
    assert record.frames == len(times)
    assert record.shown.starts == pytest.approx(times, abs=min(frame, 2e-3) if record.constant_rate else 2e-6)
    starts = consecutive_starts(record.frames, LENGTH)
    ends = [*times, record.duration]
    for start, span in zip(starts, record.shown.spans(starts, LENGTH), strict=True):
        assert span == pytest.approx((times[start], ends[min(start + LENGTH, len(times))]), abs=frame)
    assert record.duration > times[-1]


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs FFmpeg's ffprobe")
@pytest.mark.parametrize("name", [name for name in FILES if name != "b-frames.avi"])
def test_another_program_says_the_same(prepared: tuple[Path, Manifest], name: str) -> None:
    folder, manifest = prepared
    record = next(record for record in manifest if record.id.endswith(f"/{name}"))
    told = probed(folder / record.id)
    assert record.frames == len(told)
    assert record.shown.starts == pytest.approx([start for start, _ in told], abs=1 / record.fps)
    last, length = told[-1]
    step = last - told[-2][0] if len(told) > 1 else 1 / record.fps
    assert record.duration == pytest.approx(last + (length or step), abs=max(step, length) + 1e-3)


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("b-frames.avi", "single.mp4")])
def test_a_piece_begins_with_the_frame_on_the_screen(
    prepared: tuple[Path, Manifest], name: str, tmp_path: Path
) -> None:
    path = next(prepared[0].rglob(name))
    frames = seen(path)
    starts = [time for time, _ in frames]
    for place in (0, len(frames) // 3, len(frames) // 2, len(frames) - 9):
        at = 0.6 * starts[place] + 0.4 * starts[place + 1]
        piece = read_piece(path, ClipRequest(at, 0.0, LENGTH, 48))
        last = min(place + LENGTH, len(frames))
        numbers = [number & 255 for _, number in frames[max(0, last - LENGTH) : last]]
        assert [number_of(luma) for luma in piece.planes.luma] == numbers
        assert piece.start == pytest.approx(starts[max(0, last - LENGTH)], abs=1e-5)
        seconds = cut_piece(path, at, at + 1e-3, tmp_path / "cut.mp4")
        with played(tmp_path / "cut.mp4") as film:
            assert number_of(next(film.frames).frame.to_ndarray(format="gray")) == frames[place][1]
        assert seconds > 0


def test_a_piece_from_before_the_first_frame_begins_with_it(prepared: tuple[Path, Manifest]) -> None:
    for name in ("later.mp4", "later.mkv", "later.ts"):
        piece = read_piece(next(prepared[0].rglob(name)), ClipRequest(1.0, 0.0, 3, 48))
        assert [number_of(luma) for luma in piece.planes.luma] == [0, 1, 2]
        assert piece.start == pytest.approx(3.0, abs=0.05)


def test_times_go_on_where_a_file_jumps(tmp_path: Path) -> None:
    for number in range(2):
        Clip(frames=60, options={"g": "20"}, pictures=_from(60 * number)).write(tmp_path / f"{number}.ts")
    joined = tmp_path / "joined.ts"
    joined.write_bytes((tmp_path / "0.ts").read_bytes() + (tmp_path / "1.ts").read_bytes())
    with played(joined) as film:
        assert [each.start for each in film.frames] == pytest.approx([n / 25 for n in range(120)], abs=0.06)
    assert measure(joined).seconds == pytest.approx(4.8, abs=0.1)
    piece = read_piece(joined, ClipRequest(3.21, 0.0, LENGTH, 48))
    assert [number_of(luma) for luma in piece.planes.luma] == pytest.approx(list(range(80, 96)), abs=1)


def _from(first: int) -> Callable[[int, int, int], np.ndarray]:
    return lambda number, width, height: Clip().pictures(first + number, width, height)


def test_a_file_without_times_is_shown_as_players_do(tmp_path: Path) -> None:
    path = Clip(frames=40, rate=25).write(tmp_path / "a.h264")
    with played(path) as film:
        assert [each.start for each in film.frames] == pytest.approx([number / 25 for number in range(40)])
    piece = read_piece(path, ClipRequest(1.0, 0.0, 5, 48))
    assert [number_of(luma) for luma in piece.planes.luma] == [25, 26, 27, 28, 29]


def test_a_quick_scan_counts_the_same_frames(prepared: tuple[Path, Manifest], tmp_path: Path) -> None:
    folder, manifest = prepared
    quick = scan(folder, tmp_path / "quick.parquet", ScanOptions(quick=True, workers=2))
    for one, other in zip(quick, manifest, strict=True):
        assert (one.id, one.status, one.frames, one.fps) == (other.id, other.status, other.frames, other.fps)
        assert one.shown.starts == pytest.approx(other.shown.starts, abs=2e-6)
        assert one.duration == pytest.approx(other.duration, abs=1 / other.fps)


def by_packets(path: Path) -> Times:
    """The times of a file by its packets."""
    with open_video(path) as (container, stream):
        return packet_times(container, stream)


NOT_BY_PACKETS = {
    "b-frames.ts": (Clip(options={"bf": "2"}), "h264 in mpegts"),
    "mpeg2.mpg": (Clip(codec="mpeg2video"), "mpeg2video in mpeg"),
    "hidden-frames.webm": (
        Clip(codec="libvpx", options={"auto-alt-ref": "1", "lag-in-frames": "16"}),
        "vp8 in matroska,webm",
    ),
    "h264.avi": (Clip(width=320, height=240, options={"bf": "2"}), "h264 in avi"),
    "mpeg4.avi": (Clip(codec="mpeg4", width=320, height=240, options={"bf": "2"}), "mpeg4 in avi"),
}


@pytest.mark.parametrize("name", NOT_BY_PACKETS)
def test_packets_that_may_be_no_frame_tell_no_times(tmp_path: Path, name: str) -> None:
    clip, named = NOT_BY_PACKETS[name]
    with pytest.raises(VideoError, match=f"^not every packet of {named} is a frame$"):
        by_packets(clip.write(tmp_path / name))


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


def test_packets_that_are_no_pictures_with_times_of_their_own_tell_no_times(tmp_path: Path) -> None:
    clip = Clip(frames=40, codec="mpeg4", width=320, height=240, options={"g": "12"}).write(tmp_path / "mpeg4.avi")
    assert by_packets(clip).starts == pytest.approx(np.arange(40) / 25)
    not_coded = bytes.fromhex("000001b6504f7f")  # as Xvid and DivX write it where nothing moves
    path = remuxed(clip, tmp_path / "not-coded.avi", {5: not_coded})
    (read,) = PyAVReader().read_clips(path, [0], 20)
    assert [number_of(luma) for luma in read.luma] != list(range(20))  # decoding leaves it out
    with pytest.raises(VideoError, match=r"^some packets are no picture$"):
        by_packets(path)
    with pytest.raises(VideoError, match=r"^the first key frame is missing$"):
        by_packets(remuxed(clip, tmp_path / "headless.avi", {0: None}))
    stills = Clip(codec="mjpeg", format="yuvj420p", full_range=True).write(tmp_path / "mjpeg.avi")
    with pytest.raises(VideoError, match=r"^not every frame has a time of its own$"):
        by_packets(remuxed(stills, tmp_path / "twice.mkv", {}, {7: 6}))


@given(st.lists(st.integers(0, 10**12), max_size=60), st.integers(0, 10**6))
def test_times_are_packed_to_the_microsecond(steps: list[int], after: int) -> None:
    starts = np.cumsum(np.array(steps, np.int64)) / 1e6
    end = float(starts[-1] if len(starts) else 0) + after / 1e6
    found = Times.unpacked(Times(starts, end).packed(), len(starts), end)
    np.testing.assert_allclose(found.starts, starts, rtol=0, atol=1e-6)
    assert found.end == end


@pytest.mark.parametrize(
    "packed", [b"", b"x", b"x\x9c\x03\x00\x00\x00\x00\x01", Times(np.arange(3) / 25, 0.2).packed()]
)
def test_damaged_times_are_told(packed: bytes) -> None:
    with pytest.raises(
        CollectionError, match=r"^the times of a video's frames are damaged\. Prepare the collection again"
    ):
        Times.unpacked(packed, 4, 1.0)
