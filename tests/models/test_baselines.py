"""Encoders that learn nothing: each against a loop written from its definition, and refused where one learns."""

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unreel import models
from unreel.checkpoint import baseline_encoder, load_encoder, untrained_encoder
from unreel.errors import SettingsError
from unreel.evaluation.nearest import UnitVectors, nearest
from unreel.evaluation.protocols import PROTOCOLS
from unreel.planning.counting import work
from unreel.settings.encoder import BASELINES, EncoderSettings
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.hdc import HDCSettings
from unreel.training.finetune import resolved
from unreel.training.pretrain import check_method

Array = np.ndarray
NUMBERS = {"motion-map": 128, "mean-frame": 192, "colour-histogram": 64}
every_baseline = pytest.mark.parametrize("name", BASELINES)


def vector(name: str, clip: Array) -> Array:
    """The vector of one clip (3 t h w)."""
    encoder = models.build(name)
    maps = encoder(torch.from_numpy(clip.astype(np.float32))[None])[encoder.top]
    assert maps.shape == (1, NUMBERS[name], 1, 1, 1)
    found: Array = maps[0, :, 0, 0, 0].numpy()
    return found


def cells(picture: Array, rows: int, columns: int) -> Array:
    """The mean of each cell; those of a size that does not divide share pixels at their borders."""
    height, width = picture.shape
    found = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            top, bottom = floor(row * height / rows), ceil((row + 1) * height / rows)
            left, right = floor(column * width / columns), ceil((column + 1) * width / columns)
            found[row, column] = picture[top:bottom, left:right].mean()
    return found


def slow_motion_map(clip: Array) -> Array:
    """By whole numbers (clips are of 64ths), so that a centre between two pixels is known to be there."""
    _, frames, height, width = clip.shape
    window = np.zeros((height, width // 2))
    for frame in range(frames - 1):
        moving = [
            [
                sum(abs(int(64 * (clip[c, frame + 1, y, x] - clip[c, frame, y, x]))) for c in range(3))
                for x in range(width)
            ]
            for y in range(height)
        ]
        total = sum(map(sum, moving)) or 1
        centre = [
            floor(Fraction(sum(place * each for place, each in enumerate(line)), total) + Fraction(51, 100))
            for line in ([sum(row) for row in moving], [sum(column) for column in zip(*moving, strict=True)])
        ]
        for y in range(height):
            for x in range(width // 2):
                row, column = centre[0] - height // 2 + y, centre[1] - width // 2 // 2 + x
                if 0 <= row < height and 0 <= column < width:
                    window[y, x] += moving[row][column] / 64 / 3 / (frames - 1)
    return cells(window, 16, 8).flatten()


def slow_mean_frame(clip: Array) -> Array:
    return np.concatenate([cells(sum(colour) / len(colour), 8, 8).flatten() for colour in clip])


def slow_colour_histogram(clip: Array) -> Array:
    counts = np.zeros((4, 4, 4))
    for pixel in clip.reshape(3, -1).T:
        red, green, blue = (min(3, max(0, floor(4 * (value + 1) / 2))) for value in pixel.tolist())
        counts[red, green, blue] += 1
    return np.asarray(counts / counts.sum()).flatten()


SLOW: dict[str, Callable[[Array], Array]] = {
    "motion-map": slow_motion_map,
    "mean-frame": slow_mean_frame,
    "colour-histogram": slow_colour_histogram,
}


@every_baseline
@settings(max_examples=15)
@given(data=st.data())
def test_it_is_what_a_loop_makes_of_its_definition(name: str, data: st.DataObject) -> None:
    sizes = [data.draw(st.integers(least, least + 9)) for least in (2, 16, 16)]
    chance = np.random.default_rng(data.draw(st.integers(0, 99)))
    clip = chance.integers(-64, 65, (3, *sizes)) / 64  # which float32 holds exactly
    clip *= chance.random(sizes[1:]) < data.draw(st.sampled_from([0.02, 0.3, 1.0]))  # few or all of the pixels move
    np.testing.assert_allclose(vector(name, clip), SLOW[name](clip), atol=1e-6)


@every_baseline
def test_clips_of_a_batch_do_not_see_each_other(name: str) -> None:
    clips = torch.rand(5, 3, 6, 20, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1
    encoder = models.build(name)
    together = encoder(clips)[encoder.top]
    alone = [encoder(each[None])[encoder.top][0] for each in clips]
    torch.testing.assert_close(together, torch.stack(alone))
    assert len({tuple(each.flatten().tolist()) for each in together}) == 5


@every_baseline
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_keeps_the_same_vector(name: str, protocol: str) -> None:
    clips = torch.rand(3, 3, 6, 20, 24)
    encoder = models.build(name)
    maps = encoder(clips)[encoder.top]
    pooled: Tensor = PROTOCOLS[protocol].pooled(maps)  # type: ignore[index]
    assert torch.equal(pooled, maps[:, :, 0, 0, 0])


def _square(top: int, left: int, side: int, frames: int = 6, size: int = 48) -> Array:
    """A textured square that moves to the right before grey, a pixel a frame."""
    texture = np.random.default_rng(7).integers(-64, 65, (3, side, side)) / 64
    clip = np.zeros((3, frames, size, size))
    for frame in range(frames):
        clip[:, frame, top : top + side, left + frame : left + frame + side] = texture
    return clip


@given(st.integers(16, 24), st.integers(6, 30), st.integers(5, 8))
def test_the_motion_map_of_a_figure_is_the_same_wherever_it_is(top: int, left: int, side: int) -> None:
    found, moved = (vector("motion-map", _square(y, x, side)) for y, x in ((20, 18), (top, left)))
    assert found.max() > 0.05
    np.testing.assert_allclose(found, moved, atol=1e-6)


def test_a_still_clip_has_no_motion_and_is_compared_as_such() -> None:
    still = np.repeat(np.random.default_rng(0).random((3, 1, 16, 16)), 5, axis=1)
    zeros = vector("motion-map", still)
    assert not zeros.any()
    vectors = np.stack([zeros, vector("motion-map", _square(20, 18, 6)), zeros])
    found = nearest(UnitVectors(vectors), UnitVectors(vectors), 3)
    assert found.similarities[0].tolist() == [0.0, 0.0, 0.0]
    assert found.similarities[1].tolist() == [1.0, 0.0, 0.0]


@every_baseline
def test_it_is_found_by_its_name_and_known_by_what_it_is_shown(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load_encoder(Path(name))
    assert loaded.settings == EncoderSettings(name=name)
    assert untrained_encoder(loaded) == loaded
    others = [
        baseline_encoder(name, EncoderSettings.model_validate(changes))
        for changes in ({"width": 0.25, "input": "difference"}, {"size": 64}, {"clip_length": 8}, {"frame_rate": 10.0})
    ]
    assert loaded.checkpoint == others[0].checkpoint
    assert len({loaded.checkpoint, *(each.checkpoint for each in others)}) == 4
    assert [each.settings.size for each in others] == [112, 64, 112, 112]
    assert len({load_encoder(Path(each)).checkpoint for each in BASELINES}) == len(BASELINES)


@every_baseline
def test_what_it_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"input is 'difference', but .* is made for frames as they are"):
        models.build(name, input="difference")
    with pytest.raises(SettingsError, match=r"width is for unreel's own encoders"):
        models.build(name, width=0.5)
    least = type(models.build(name)).minimum
    for axis in [axis for axis, size in enumerate(least) if size > 1]:
        size = [*least]
        size[axis] -= 1
        with pytest.raises(SettingsError, match="cannot encode clips"):
            models.build(name)(torch.zeros(1, 3, *size))


@every_baseline
def test_there_is_nothing_to_learn(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = f"{name} has no weights, so there is nothing to learn. Choose another --encoder, or evaluate it as it is"
    folders = {"folder": tmp_path, "out": tmp_path / "out"}
    pretraining = HDCSettings.model_validate({**folders, "encoder": name})
    for learn in (check_method, work):
        with pytest.raises(SettingsError, match=message):
            learn(pretraining)
    for changes in ({"weights": Path(name)}, {"encoder": name}):
        with pytest.raises(SettingsError, match=message):
            resolved(FinetuneSettings.model_validate({**folders, **changes}))
