"""Draws: chance as a function, ranges, switches."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from unreel.augment import ViewDraws, centre_draws, draw_views
from unreel.settings.augmentation import AugmentationSettings

IDS = [f"video-{number}.mp4" for number in range(400)]


def _draws(settings: AugmentationSettings | None = None, epoch: int = 0, view: str = "o") -> ViewDraws:
    return draw_views(settings or AugmentationSettings(), seed=1, epoch=epoch, ids=IDS, view=view)


def test_the_same_purpose_gives_the_same_draw_and_another_gives_another() -> None:
    assert torch.equal(_draws().box, _draws().box)
    assert not torch.equal(_draws().box, _draws(epoch=1).box)
    assert not torch.equal(_draws().box, _draws(view="s").box)
    alone = draw_views(AugmentationSettings(), seed=1, epoch=0, ids=[IDS[7]], view="o")
    assert torch.equal(alone.jitter[0], _draws().jitter[7])


def test_ranges_and_frequencies() -> None:
    draws = _draws()
    left, top, side = draws.box.unbind(1)
    assert set(side.tolist()) == {round_trip(share) for share in (1.0, 0.875, 0.75, 0.66)}
    assert ((left >= 0) & (left + side <= 1 + 1e-6) & (top >= 0) & (top + side <= 1 + 1e-6)).all()
    assert 0.4 < (draws.flip == -1).float().mean() < 0.6
    assert 0.4 < (draws.channel >= 0).float().mean() < 0.6
    assert ((draws.jitter[:, :3] >= 0.6) & (draws.jitter[:, :3] <= 1.4)).all()
    assert (draws.jitter[:, 3].abs() <= 0.1).all()


@given(
    scale_jitter=st.booleans(), crop=st.booleans(), flip=st.booleans(), colour=st.booleans(), replication=st.booleans()
)
def test_a_switch_touches_its_own_transformation_only(
    scale_jitter: bool, crop: bool, flip: bool, colour: bool, replication: bool
) -> None:
    settings = AugmentationSettings(
        scale_jitter=scale_jitter, crop=crop, flip=flip, colour_jitter=colour, channel_replication=replication
    )
    draws, full = _draws(settings), _draws()
    assert torch.equal(draws.flip, full.flip if flip else torch.ones(len(IDS)))
    neutral = torch.tensor([1.0, 1.0, 1.0, 0.0]).expand(len(IDS), 4)
    assert torch.equal(draws.jitter, full.jitter if colour else neutral)
    assert torch.equal(draws.channel, full.channel if replication else torch.full((len(IDS),), -1))
    assert scale_jitter or set(draws.box[:, 2].tolist()) == {0.875}
    assert crop or torch.allclose(draws.box[:, 0], (1 - draws.box[:, 2]) / 2)


def test_centre_draws_touch_nothing() -> None:
    draws = centre_draws(2, 0.5)
    assert draws.box.tolist() == [[0.25, 0.25, 0.5]] * 2
    assert draws.channel.tolist() == [-1, -1]


def round_trip(value: float) -> float:
    return float(torch.tensor(value))
