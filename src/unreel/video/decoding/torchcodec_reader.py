"""Clips of a video file, decoded by torchcodec with its own FFmpeg libraries (`pip install 'unreel[torchcodec]'`).

torchcodec counts frames by their timestamps and seeks, where the contract counts what comes out of decoding the file
from its beginning. Both are the same if every packet is one whole frame with a time of its own: that is looked at, and
a file that does not show it is skipped. (What packets do not show is damage inside them.)

torchcodec gives RGB, which is turned back into planes: BT.601, limited range, 4:2:0. Against `PyAVReader` this costs 1
to 1.3 levels of luma, nearly all downwards, and 0.1 to 0.8 of chroma (of 255; mean absolute differences of prepared
H.264 and UCF101's Xvid). Chroma stays where the file has it, as torchcodec repeats each sample over its 2 × 2 pixels.
What lies outside of RGB is clipped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, final

from av.video.frame import VideoFrame

from unreel.errors import MissingExtraError, VideoError
from unreel.extras import require
from unreel.text import excerpt
from unreel.video.decoding.decode import Clips, open_video, too_short
from unreel.video.decoding.timestamps import frame_packets
from unreel.video.decoding.yuv import Planes


@final
class TorchCodecReader:
    """Reads clips with torchcodec, one decoder for all of them, on one thread.

    `prepared` promises that the files come from `unreel prepare`: then the times of the frames read are the proof of
    their numbers, otherwise all packets are looked at first.

    Raises:
        MissingExtraError: torchcodec is not installed, or finds no FFmpeg libraries.
    """

    def __init__(self, prepared: bool = False) -> None:
        self.prepared = prepared
        video_decoder()

    def read_clips(self, path: Path, starts: Sequence[int], length: int) -> list[Planes]:
        """The frames `start` to `start + length - 1` of every start, in the order of `starts`.

        Raises:
            VideoError: the file cannot be decoded, ends before a clip does, or does not show that torchcodec's frame
                numbers are ours.
        """
        assert length > 0 and min(starts, default=0) >= 0
        if not starts:
            return []
        clips = Clips(starts, length)
        try:
            timeline = None if self.prepared else _examined(path)
            for index, frame in _frames(path, timeline, starts, length):
                clips.take(index, frame)
        except VideoError as error:
            raise VideoError(f"{path}: {error}") from error
        return clips.planes()


@dataclass(frozen=True)
class _Timeline:
    """The stream to read and the times of its frames, in seconds and in order."""

    stream: int
    times: list[Fraction]


def _frames(
    path: Path, timeline: _Timeline | None, starts: Sequence[int], length: int
) -> Iterator[tuple[int, VideoFrame]]:
    """All frames of the clips, each once, as RGB."""
    indices = sorted({start + place for start in starts for place in range(length)})
    stream = timeline.stream if timeline else None
    try:
        decoder = video_decoder()(
            str(path.absolute()), stream_index=stream, dimension_order="NHWC", num_ffmpeg_threads=1
        )
        if decoder.metadata.rotation:
            raise _rejection("turns pictures upright that are stored turned")
        if indices[-1] >= len(decoder):
            raise too_short(len(decoder), min(start for start in starts if start + length > len(decoder)), length)
        batch = decoder.get_frames_at(indices)
    except (RuntimeError, ValueError) as error:
        raise VideoError(f"decoding with torchcodec failed: {error}") from error
    for index, rgb, time in zip(indices, batch.data.numpy(), batch.pts_seconds.tolist(), strict=True):
        expected = float(timeline.times[index] if timeline else index / decoder.metadata.average_fps)
        if abs(time - expected) > 1e-4:
            raise _rejection(f"gave a frame of {time:.4f} s for frame {index}, which is at {expected:.4f} s")
        yield index, VideoFrame.from_ndarray(rgb, "rgb24")


def _examined(path: Path) -> _Timeline:
    """The times of all frames, by the packets of a file in which they number the frames."""
    with open_video(path) as (container, stream):
        try:
            packets = frame_packets(container, stream)
        except VideoError as error:
            raise _rejection(str(error)) from error
        return _Timeline(stream.index, sorted(Fraction(each.pts or 0) * each.time_base for each in packets))


def _rejection(reason: str) -> VideoError:
    return VideoError(f"torchcodec {reason}. Read it with PyAVReader, or prepare the collection.")


def video_decoder() -> Any:
    """torchcodec's `VideoDecoder`.

    Raises:
        MissingExtraError: torchcodec is not installed, or finds no FFmpeg libraries.
    """
    try:
        return require("torchcodec", "torchcodec").decoders.VideoDecoder
    except (RuntimeError, OSError) as error:
        raise MissingExtraError(
            f"got a torchcodec that cannot be loaded, which mostly means that it finds no FFmpeg libraries: "
            f"{excerpt(error).rstrip('.')}. Install FFmpeg "
            "(see https://github.com/meta-pytorch/torchcodec#installing-torchcodec) or use PyAVReader."
        ) from error
