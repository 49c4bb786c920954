"""Moving Shapes: a made collection with two independent labels, so that what was learned of either can be measured.

    OUT/
    ├── labels.csv                         path,appearance,motion
    └── circle/red-striped-star-0002.mp4   <motion>/<appearance>-<number>.mp4

Of every 48 videos each shows another pair of motion and appearance: one label says nothing about the other. Where a
shape is, how it lies and how fast it goes are drawn for each video, so that no single frame gives its motion away.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from unreel.engine.cpus import cores
from unreel.engine.executor import Executor
from unreel.engine.files import check_free, whole
from unreel.engine.limits import Limits
from unreel.engine.progress import track
from unreel.errors import CollectionError, SettingsError
from unreel.rng import generator
from unreel.text import comma_separated
from unreel.video.moving_shapes.shapes import APPEARANCES, Pose, draw_look, paint_ground, paint_shape

LABELS_NAME = "labels.csv"

MARGIN = 0.2
"""How near the centre of a shape comes to the border of the frame, in sides."""

_LOWEST_SIDE = 32
_SECONDS = 600.0  # that a video may take
_PERIODS = 14.0, 26.0  # frames: a clip of 16 shows more than half a period of any motion
_AMPLITUDES = 0.18, 0.28  # sides of the frame
_SWING = 0.75  # radians
_PULSE = 1.6  # growth per amplitude
_NOISE = 2.0  # standard deviation of the sensor, of 255
# Without libx264's macroblock tree: with it, frames of 64 pixels and less come out as other bytes on each run.
_ENCODER = {"crf": "23", "preset": "fast", "mbtree": "0"}


@dataclass(frozen=True)
class MovingShapes:
    """Settings of the collection: `side` in pixels (even), `frames` per video.

    Raises:
        SettingsError: a number that makes no video.
    """

    videos: int = 240
    seed: int = 0
    side: int = 128
    frames: int = 64
    fps: int = 25

    def __post_init__(self) -> None:
        for name in ("videos", "frames", "fps"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}, expected at least 1. Give a larger number.")
        if self.side < _LOWEST_SIDE or self.side % 2:
            raise SettingsError(
                f"side is {self.side} pixels, expected an even number of at least {_LOWEST_SIDE}"
                f" (4:2:0 video halves it). Give one, such as {max(_LOWEST_SIDE, self.side + self.side % 2)}."
            )


class Displacement(NamedTuple):
    """What a motion does at one moment: `right`, `down` and `growth` in amplitudes, `turn` in radians."""

    right: float = 0.0
    down: float = 0.0
    turn: float = 0.0
    growth: float = 0.0


@dataclass(frozen=True)
class MotionParameters:
    """One member of a motion: `period` in frames, `phase` in periods, `amplitude` and `place` in sides of the frame.

    `sense` (1 or -1) is clockwise or not, or which way first; `orientation` (radians) is how the shape lies at rest.
    """

    period: float
    phase: float
    amplitude: float
    place: tuple[float, float]
    sense: int
    orientation: float


@dataclass(frozen=True)
class _Motion:
    """`reach`: how far it goes sideways and up or down from its place, in amplitudes; `path`: by periods and sense."""

    reach: tuple[float, float]
    path: Callable[[float, int], Displacement]


def draw_parameters(motion: str, chance: np.random.Generator) -> MotionParameters:
    """Parameters drawn at random such that the centre of the shape never comes nearer to the border than `MARGIN`."""
    amplitude = chance.uniform(*_AMPLITUDES)
    borders = [MARGIN + reach * amplitude for reach in _MOTIONS[motion].reach]
    x, y = (chance.uniform(border, 1 - border) for border in borders)
    return MotionParameters(
        period=chance.uniform(*_PERIODS),
        phase=chance.uniform(),
        amplitude=amplitude,
        place=(x, y),
        sense=1 if chance.uniform() < 0.5 else -1,
        orientation=chance.uniform(0, math.tau),
    )


def pose(motion: str, parameters: MotionParameters, frame: int | float) -> Pose:
    """Where the shape is at a frame; the same again after each period (the angle but for whole turns)."""
    periods = (frame / parameters.period + parameters.phase) % 1
    displacement = _MOTIONS[motion].path(periods, parameters.sense)
    return Pose(
        x=parameters.place[0] + parameters.amplitude * displacement.right,
        y=parameters.place[1] + parameters.amplitude * displacement.down,
        angle=parameters.orientation + displacement.turn,
        scale=1 + parameters.amplitude * displacement.growth,
    )


def _wave(periods: float) -> float:
    return math.sin(math.tau * periods)


def _triangle_wave(periods: float) -> float:
    return 4 * abs(periods % 1 - 0.5) - 1


def _swing(periods: float, sense: int) -> Displacement:
    """A pendulum: about a pivot above, the shape turning with the rod."""
    turn = _SWING * sense * _wave(periods)
    length = 1 / math.sin(_SWING)
    return Displacement(length * math.sin(turn), length * (math.cos(turn) - 1), -turn)


_MOTIONS = {
    "horizontal": _Motion((1.0, 0.0), lambda periods, sense: Displacement(right=sense * _wave(periods))),
    "vertical": _Motion((0.0, 1.0), lambda periods, sense: Displacement(down=sense * _wave(periods))),
    "circle": _Motion((1.0, 1.0), lambda periods, sense: Displacement(_wave(periods), sense * _wave(periods + 0.25))),
    "spin": _Motion((0.0, 0.0), lambda periods, sense: Displacement(turn=sense * math.tau * periods)),
    "pulse": _Motion((0.0, 0.0), lambda periods, sense: Displacement(growth=sense * _PULSE * _wave(periods))),
    "zigzag": _Motion(
        (1.0, 0.7),
        lambda periods, sense: Displacement(_triangle_wave(periods), 0.7 * sense * _triangle_wave(2 * periods)),
    ),
    "bounce": _Motion((0.0, 1.0), lambda periods, _: Displacement(down=1 - 2 * abs(math.sin(math.pi * periods)))),
    "swing": _Motion((1.0, 0.4), _swing),
}

MOTIONS: tuple[str, ...] = tuple(_MOTIONS)


class _Video(NamedTuple):
    path: str
    appearance: str
    motion: str


def _video(index: int) -> _Video:
    motion = MOTIONS[index % len(MOTIONS)]
    appearance = APPEARANCES[index // len(MOTIONS) % len(APPEARANCES)]
    return _Video(f"{motion}/{appearance}-{index:04d}.mp4", appearance, motion)


def render_collection(out: Path, settings: MovingShapes, workers: int | None = None) -> Path:
    """Render the collection into the new folder `out`, whole or not at all, and give `out`.

    A video depends on the settings and its own number: not on how many there are, nor on `workers`, the number of
    processes (by default one per core).

    Raises:
        OverwriteError: `out` exists and is not an empty folder.
        OutputError: `out` cannot be written.
        SettingsError: `workers` is less than 1.
    """
    workers = cores() if workers is None else workers
    if workers < 1:
        raise SettingsError(f"workers is {workers}, expected at least 1. Leave it out for one per core.")
    check_free(out)
    with whole(out) as folder:
        videos = [_video(index) for index in range(settings.videos)]
        for motion in {video.motion for video in videos}:
            (folder / motion).mkdir(parents=True)
        for _ in track(_rendered(folder, settings, workers), "rendering", settings.videos):
            pass
        _write_labels(folder / LABELS_NAME, videos)
    return out


def _rendered(folder: Path, settings: MovingShapes, workers: int) -> Iterator[None]:
    """One after the other as they get ready."""
    if min(workers, settings.videos) == 1:
        for index in range(settings.videos):
            _render_video(folder, settings, index)
            yield
        return
    tasks = [(folder, settings, index) for index in range(settings.videos)]
    for number, lost in Executor(workers=workers, limits=Limits(_SECONDS)).run(_render_video, tasks):
        if lost is not None:
            raise CollectionError(
                f"video {number} could not be rendered: its process {lost.how} {lost.error}".rstrip()
                + ". Is memory left? Run this again, with fewer --workers."
            )
        yield


def _write_labels(path: Path, videos: Iterable[_Video]) -> None:
    path.write_text(comma_separated(_Video._fields, videos), encoding="utf-8", newline="")


def _render_video(folder: Path, settings: MovingShapes, index: int) -> None:
    path, appearance, motion = _video(index)
    chance = partial(generator, settings.seed, "moving-shapes", index)
    look = draw_look(appearance, chance("look"))
    parameters = draw_parameters(motion, chance("motion"))
    noise = chance("noise")

    ground = paint_ground(look, settings.side)
    shape = (settings.side, settings.side, 1)

    def image(frame: int) -> NDArray[np.uint8]:
        seen = paint_shape(ground, look, pose(motion, parameters, frame))
        seen += _NOISE * noise.standard_normal(shape, dtype=np.float32)
        return np.clip(np.rint(seen), 0, 255).astype(np.uint8)

    _encode(folder / path, map(image, range(settings.frames)), settings)


def _encode(path: Path, images: Iterable[NDArray[np.uint8]], settings: MovingShapes) -> None:
    """Write H.264 of which every byte is determined: one thread, and no date in the container."""
    with av.open(path, "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=settings.fps, options=_ENCODER)
        stream.width = stream.height = settings.side
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.color_range = ColorRange.MPEG
        stream.codec_context.colorspace = Colorspace.ITU601
        converter = VideoReformatter()  # one for all frames: setting it up takes longer than converting
        for image in images:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            planes = converter.reformat(frame, format="yuv420p", dst_colorspace=Colorspace.ITU601)
            container.mux(stream.encode(planes))
        container.mux(stream.encode(None))
