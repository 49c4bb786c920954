"""Draws: chance as a function, ranges, frequencies, switches."""

from collections import Counter
from dataclasses import fields

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unreel.augment import CENTRE_SHARE, ViewDraws, centre_draws, draw_views
from unreel.rng import generator
from unreel.settings.augmentation import AugmentationSettings

FRAMES = 16


def _draws(changed: AugmentationSettings | None = None, epoch: int = 0, view: str = "o", count: int = 200) -> ViewDraws:
    ids = [f"video-{number}.mp4" for number in range(count)]
    return draw_views(changed or AugmentationSettings(), seed=1, epoch=epoch, ids=ids, view=view, frames=FRAMES)


def _same(one: ViewDraws, other: ViewDraws) -> bool:
    return all(torch.equal(getattr(one, each.name), getattr(other, each.name)) for each in fields(ViewDraws))


def _shares(values: torch.Tensor) -> dict[float, float]:
    return {value: count / values.numel() for value, count in Counter(values.flatten().tolist()).items()}


def test_the_same_purpose_gives_the_same_draw_and_another_gives_another() -> None:
    full = _draws()
    assert _same(_draws(), full)
    for other in (_draws(epoch=1), _draws(view="s"), _draws(view="t")):
        assert not torch.equal(other.box, full.box)
        assert not torch.equal(other.jitter, full.jitter)
    alone = draw_views(AugmentationSettings(), seed=1, epoch=0, ids=["video-7.mp4"], view="o")
    assert torch.equal(alone.jitter[0], full.jitter[7])


def test_the_numbers_are_drawn_in_this_order() -> None:
    # a run that goes on with a later version of this package must go on with the same views
    full = _draws()
    for row in range(len(full)):
        chance = generator(1, "view", 0, f"video-{row}.mp4", "o")
        side = (1.0, 0.875, 0.75, 0.66)[chance.integers(4)]
        assert full.box[row].tolist() == pytest.approx([*(chance.random(2) * (1 - side)), side])
        assert full.flip[row] == (-1 if chance.random() < 0.5 else 1)
        assert full.jitter[row].tolist() == pytest.approx(
            [*(0.6 + 0.8 * chance.random(3)), 0.2 * chance.random() - 0.1]
        )
        assert full.channel[row] == (chance.integers(3) if chance.random() < 0.5 else -1)


def test_frequencies() -> None:
    full = _draws(count=2000)
    side = full.box[:, 2]
    expected = torch.tensor([1.0, 0.875, 0.75, 0.66])
    assert _shares(side) == pytest.approx(dict.fromkeys(expected.tolist(), 0.25), abs=0.05)
    assert _shares(full.flip) == pytest.approx({-1.0: 0.5, 1.0: 0.5}, abs=0.05)
    assert _shares(full.channel) == pytest.approx({-1: 0.5, 0: 1 / 6, 1: 1 / 6, 2: 1 / 6}, abs=0.05)
    smaller = side < 1
    places = full.box[smaller, :2] / (1 - side[smaller, None])
    uniform = torch.cat([places, (full.jitter[:, :3] - 0.6)[smaller] / 0.8, (full.jitter[smaller, 3:] + 0.1) / 0.2], 1)
    assert uniform.mean(0).tolist() == pytest.approx([0.5] * 6, abs=0.05)
    assert uniform.var(0).tolist() == pytest.approx([1 / 12] * 6, abs=0.01)
    assert (uniform.T.corrcoef() - torch.eye(6)).abs().max() < 0.1


@given(
    scales=st.lists(st.floats(0.1, 1), min_size=1, max_size=3),
    strengths=st.tuples(*[st.floats(0, 1)] * 3, st.floats(0, 0.5)),
    probabilities=st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])),
)
def test_ranges(
    scales: list[float], strengths: tuple[float, float, float, float], probabilities: tuple[float, float]
) -> None:
    names = ("brightness", "contrast", "saturation", "hue", "flip_probability", "channel_replication_probability")
    values = dict(zip(names, (*strengths, *probabilities), strict=True)) | {"scales": scales}
    draws = _draws(AugmentationSettings.model_validate(values), count=20)
    corner, side = draws.box[:, :2], draws.box[:, 2:]
    assert set(side.flatten().tolist()) <= set(torch.tensor(scales).tolist())
    assert ((corner >= 0) & (corner + side <= 1 + 1e-6)).all()
    neutral = torch.tensor([1.0, 1.0, 1.0, 0.0])
    assert ((draws.jitter - neutral).abs() <= torch.tensor(strengths) + 1e-6).all()
    flipped, replicated = probabilities
    assert (draws.flip == 1 - 2 * flipped).all()
    assert ((draws.channel >= 0) == bool(replicated)).all()


@given(
    scale_jitter=st.booleans(), crop=st.booleans(), flip=st.booleans(), colour=st.booleans(), replication=st.booleans()
)
def test_a_switch_touches_its_own_transformation_only(
    scale_jitter: bool, crop: bool, flip: bool, colour: bool, replication: bool
) -> None:
    switched = AugmentationSettings(
        scale_jitter=scale_jitter, crop=crop, flip=flip, colour_jitter=colour, channel_replication=replication
    )
    draws, full, centre = _draws(switched), _draws(), centre_draws(200, CENTRE_SHARE)
    assert torch.equal(draws.flip, full.flip if flip else centre.flip)
    assert torch.equal(draws.jitter, full.jitter if colour else centre.jitter)
    assert torch.equal(draws.channel, full.channel if replication else centre.channel)
    assert torch.equal(draws.box[:, 2], full.box[:, 2] if scale_jitter else centre.box[:, 2])
    known = full.box[:, 2] < 1  # the whole region has but one place
    place, full_place = (each.box[known, :2] / (1 - each.box[known, 2:]) for each in (draws, full))
    torch.testing.assert_close(place, full_place if crop else torch.full_like(place, 0.5), atol=1e-6, rtol=0)
    if not (scale_jitter or crop or flip or colour or replication):
        assert _same(draws, centre)


def test_channels_drawn_per_frame_leave_all_else_as_it_was() -> None:
    draws, full = _draws(AugmentationSettings(channel_replication_per_frame=True), count=500), _draws(count=500)
    assert draws.channel.shape == (500, FRAMES)
    assert torch.equal(draws.channel[:, :1], full.channel)
    for name in ("box", "flip", "jitter"):
        assert torch.equal(getattr(draws, name), getattr(full, name))
    replicated = draws.channel[full.channel[:, 0] >= 0]
    assert _shares(replicated) == pytest.approx({0: 1 / 3, 1: 1 / 3, 2: 1 / 3}, abs=0.03)
    assert (replicated.double().T.corrcoef() - torch.eye(FRAMES)).abs().max() < 0.3
    assert (draws.channel[full.channel[:, 0] < 0] == -1).all()


def test_temporal_contrast_can_be_left_its_plain_centre() -> None:
    plain = AugmentationSettings(in_temporal_contrast=False)
    assert _same(_draws(plain, view="t"), centre_draws(200, CENTRE_SHARE))
    for view in "os":
        assert _same(_draws(plain, view=view), _draws(view=view))


def test_centre_draws_touch_nothing() -> None:
    draws = centre_draws(2, 0.5)
    assert draws.box.tolist() == [[0.25, 0.25, 0.5]] * 2
    assert draws.flip.tolist() == [1.0, 1.0]
    assert draws.jitter.tolist() == [[1.0, 1.0, 1.0, 0.0]] * 2
    assert draws.channel.tolist() == [[-1], [-1]]
