"""Moving Shapes: the collection as files, its labels, and the motions in its pixels."""

import csv
import errno
import math
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from unreel.errors import OutputError, OverwriteError, SettingsError
from unreel.rng import generator
from unreel.video.moving_shapes import synth
from unreel.video.moving_shapes.shapes import APPEARANCES, Pose
from unreel.video.moving_shapes.synth import (
    MARGIN,
    MOTIONS,
    MotionParameters,
    MovingShapes,
    draw_parameters,
    pose,
    render_collection,
)

SMALL = MovingShapes(videos=16, seed=3, side=64, frames=27, fps=20)
TINY = MovingShapes(videos=3, side=32, frames=1)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_collection(tmp_path_factory.mktemp("synth") / "shapes", SMALL, workers=2)


def labels(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def images(path: Path) -> NDArray[np.uint8]:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_folder_holds_the_labels_and_the_videos_they_name(collection: Path) -> None:
    rows = labels(collection)

    assert (
        (collection / "labels.csv")
        .read_bytes()
        .startswith(b'\xef\xbb\xbfpath,appearance,motion\n"horizontal/red-striped-star-0000.mp4",')
    )
    assert {row["path"] for row in rows} | {"labels.csv"} == set(contents(collection))
    assert len(rows) == SMALL.videos
    for number, row in enumerate(rows):
        assert row["path"] == f"{row['motion']}/{row['appearance']}-{number:04d}.mp4"


def test_labels_are_independent(tmp_path: Path) -> None:
    rows = labels(render_collection(tmp_path / "out", MovingShapes(videos=96, side=32, frames=1), workers=1))
    table = Counter((row["motion"], row["appearance"]) for row in rows)

    assert table == {(motion, appearance): 2 for motion in MOTIONS for appearance in APPEARANCES}


def test_videos_are_h264_of_the_size_asked_for(collection: Path) -> None:
    for row in labels(collection):
        with av.open(str(collection / row["path"])) as container:
            stream = container.streams.video[0]
            frames = list(container.decode(stream))
            assert stream.codec_context.name == "h264"
            assert stream.average_rate == SMALL.fps
            assert len(frames) == stream.frames == SMALL.frames
            assert {(frame.width, frame.height, frame.format.name) for frame in frames} == {(64, 64, "yuv420p")}


def test_same_bytes_whatever_the_number_of_workers(collection: Path, tmp_path: Path) -> None:
    assert contents(render_collection(tmp_path / "alone", SMALL, workers=1)) == contents(collection)


def test_videos_do_not_depend_on_how_many_there_are(collection: Path, tmp_path: Path) -> None:
    fewer = MovingShapes(videos=8, seed=SMALL.seed, side=SMALL.side, frames=SMALL.frames, fps=SMALL.fps)
    all_of_them = contents(collection)
    first_eight = contents(render_collection(tmp_path / "fewer", fewer, workers=1))
    del first_eight["labels.csv"]

    assert len(first_eight) == 8
    assert first_eight == {path: all_of_them[path] for path in first_eight}


def test_seed_and_number_make_the_video(tmp_path: Path) -> None:
    settings = [MovingShapes(videos=1, seed=seed, side=32, frames=2) for seed in (0, 1)]
    videos = [
        contents(render_collection(tmp_path / str(each.seed), each))["horizontal/red-striped-star-0000.mp4"]
        for each in settings
    ]

    assert videos[0] != videos[1]


def red_star(video: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Per frame: the share of the frame that is red, and the spread of its centre from the mean in sides (x, y)."""
    masks = video[..., 0].astype(int) - video[..., 2] > 40  # grounds are bluish
    rows, columns = np.mgrid[:64, :64] / 64
    area = masks.sum(axis=(1, 2))
    assert area.min() > 0
    x, y = ((masks * axis).sum(axis=(1, 2)) / area for axis in (columns, rows))
    return np.stack([area / 64**2, x - x.mean(), y - y.mean()])


def test_every_motion_is_seen_in_the_pixels(collection: Path) -> None:
    """Videos 0 to 7 show a red star; 27 frames are more than the longest period."""
    stars = {row["motion"]: red_star(images(collection / row["path"])) for row in labels(collection)[: len(MOTIONS)]}
    travels = {motion: tuple(np.ptp(star[1:], axis=1) > 0.12) for motion, star in stars.items()}

    assert travels == {
        "horizontal": (True, False),
        "vertical": (False, True),
        "circle": (True, True),
        "spin": (False, False),
        "pulse": (False, False),
        "zigzag": (True, True),
        "bounce": (False, True),
        "swing": (True, False),  # it rises, but less
    }
    grows = {motion: star[0].max() / star[0].min() for motion, star in stars.items()}
    assert max(grows, key=lambda motion: grows[motion]) == "pulse"
    assert grows["pulse"] > 2


def test_no_video_stands_still(collection: Path) -> None:
    """Between frames 5 apart more changes than the sensor's noise (standard deviation 2) ever could."""
    for row in labels(collection):
        video = images(collection / row["path"]).astype(int)
        assert (np.abs(video[5:] - video[:-5]).max(axis=3) > 40).mean() > 0.01, row


def test_camera_stands_still_but_for_light_noise(collection: Path) -> None:
    for row in labels(collection):
        border = images(collection / row["path"])[:, :2, :2].astype(float)
        assert border.std(axis=0).max() < 8, row


def parameters(motion: str, seed: int) -> MotionParameters:
    return draw_parameters(motion, generator(seed, "test"))


def one_period(motion: str, drawn: MotionParameters) -> NDArray[np.float64]:
    return np.array([pose(motion, drawn, drawn.period * step / 48) for step in range(48)])


any_motion = st.sampled_from(MOTIONS)
any_seed = st.integers(0, 2**32)


@given(any_motion, any_seed, st.floats(0, 1000))
def test_motions_are_periodic(motion: str, seed: int, frame: float) -> None:
    drawn = parameters(motion, seed)
    now, later = pose(motion, drawn, frame), pose(motion, drawn, frame + drawn.period)

    assert math.remainder(later.angle - now.angle, math.tau) == pytest.approx(0, abs=1e-6)
    assert later._replace(angle=0) == pytest.approx(now._replace(angle=0), abs=1e-6)


@given(any_motion, any_seed, st.floats(0, 1000))
def test_shape_stays_within_the_frame(motion: str, seed: int, frame: float) -> None:
    now = pose(motion, parameters(motion, seed), frame)

    assert MARGIN - 1e-9 <= min(now.x, now.y) <= max(now.x, now.y) <= 1 - MARGIN + 1e-9
    assert 0.5 < now.scale < 1.5


@given(any_motion, any_seed)
def test_each_motion_changes_what_it_says_and_nothing_else(motion: str, seed: int) -> None:
    changes = {
        "horizontal": {"x"},
        "vertical": {"y"},
        "circle": {"x", "y"},
        "spin": {"angle"},
        "pulse": {"scale"},
        "zigzag": {"x", "y"},
        "bounce": {"y"},
        "swing": {"x", "y", "angle"},
    }
    ranges = np.ptp(one_period(motion, parameters(motion, seed)), axis=0)

    assert {name for name, value in zip(Pose._fields, ranges, strict=True) if value > 1e-9} == changes[motion]
    assert all(value > 0.05 for value in ranges if value > 1e-9)


@given(any_motion, any_seed)
def test_a_clip_of_16_frames_shows_more_than_half_a_period(motion: str, seed: int) -> None:
    assert 14 <= parameters(motion, seed).period <= 26


@given(any_seed)
def test_circle_keeps_its_distance_from_its_place(seed: int) -> None:
    drawn = parameters("circle", seed)

    assert np.hypot(*(one_period("circle", drawn)[:, :2] - drawn.place).T) == pytest.approx(drawn.amplitude)


@given(any_seed)
def test_swinging_shape_points_at_its_pivot(seed: int) -> None:
    """The lines from the shape along its own upward direction meet in one point above it."""
    drawn = parameters("swing", seed)
    track = one_period("swing", drawn)
    turn = track[:, 2] - drawn.orientation
    upward = np.stack([np.sin(turn), -np.cos(turn)], axis=1)
    length = drawn.amplitude / np.abs(np.sin(turn)).max()
    pivots = track[:, :2] + upward * length

    assert np.ptp(pivots, axis=0).max() < 0.02
    assert (pivots[:, 1] < track[:, 1]).all()


@given(any_seed)
def test_bouncing_shape_turns_at_once_on_the_floor_and_slowly_above(seed: int) -> None:
    drawn = parameters("bounce", seed)
    height = one_period("bounce", drawn)[:, 1].max() - one_period("bounce", drawn)[:, 1]

    assert (height > drawn.amplitude).mean() > 0.6  # of a sine half the time, of a |sine| two thirds


@given(any_seed)
def test_zigzag_is_made_of_straight_strokes(seed: int) -> None:
    speed = np.diff(one_period("zigzag", parameters("zigzag", seed))[:, :2], axis=0)
    slopes = np.abs(speed[:, 1] / speed[:, 0])

    assert (np.abs(slopes - 1.4) < 1e-6).mean() > 0.8, "but for the steps that hold a corner"


@given(any_motion)
def test_members_of_a_motion_differ(motion: str) -> None:
    drawn = [parameters(motion, seed) for seed in range(20)]

    for name in ("period", "phase", "amplitude", "place", "orientation"):
        assert len({getattr(each, name) for each in drawn}) == 20
    assert {each.sense for each in drawn} == {-1, 1}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"videos": 0}, r"^videos is 0, expected at least 1\. Give a larger number\.$"),
        ({"frames": 0}, r"^frames is 0, expected at least 1\."),
        ({"fps": -5}, r"^fps is -5, expected at least 1\."),
        (
            {"side": 63},
            r"^side is 63 pixels, expected an even number of at least 32 \(4:2:0 .*\)\. Give one, such as 64\.$",
        ),
        ({"side": 8}, r"^side is 8 pixels, .* such as 32\.$"),
    ],
)
def test_settings_that_make_no_video_are_skipped(setting: dict[str, int], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        MovingShapes(**setting)


def test_no_workers_are_skipped(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^workers is 0, expected at least 1\. Leave it out for one per core\.$"):
        render_collection(tmp_path / "out", TINY, workers=0)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for out in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(OverwriteError, match="exists already and nothing is overwritten: write to another place"):
            render_collection(out, TINY)

    assert contents(tmp_path) == {"notes.txt": b"mine"}


def test_empty_and_nested_folders_are_filled(tmp_path: Path) -> None:
    for out in (tmp_path, tmp_path.with_name("new") / "nested"):
        assert render_collection(out, TINY, workers=1) == out
        assert len(labels(out)) == TINY.videos


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match=r"file/out cannot be written: .*\. Name another place\.$"):
        render_collection(tmp_path / "file" / "out", TINY)


def test_rendering_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_: object) -> None:
        path.write_bytes(b"half a video")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(synth, "_encode", full)
    with pytest.raises(OutputError, match=r"out cannot be written: No space left on device\. Free some space or"):
        render_collection(tmp_path / "out", TINY, workers=1)

    assert list(tmp_path.iterdir()) == []
