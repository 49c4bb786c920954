"""Operations, weights and vectors, held against counting by hand and against the real method."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from unreel.errors import SettingsError
from unreel.methods.hdc import HDC
from unreel.models.convolution import Convolution
from unreel.planning.counting import operations, views, weights, work
from unreel.settings.encoder import EncoderSettings
from unreel.settings.hdc import HDCSettings


def _settings(**changes: object) -> HDCSettings:
    return HDCSettings.model_validate({"folder": Path(), "out": Path(), **changes})


def _convolution(inside: int, outside: int, kernel: int, places: int) -> int:
    """Multiplications and additions of one forward pass."""
    return 2 * inside * outside * kernel * places


def _resnet18() -> tuple[int, int]:
    """3D-ResNet18 at 16×112×112 from the table of Hara et al. (2018): the stem's operations, and all others'."""
    stem = _convolution(3, 64, 7 * 7 * 7, 16 * 56 * 56)
    places = (8 * 28 * 28, 4 * 14 * 14, 2 * 7 * 7, 1 * 4 * 4)
    others, inside = 0, 64
    for channels, count in zip((64, 128, 256, 512), places, strict=True):
        others += _convolution(inside, channels, 27, count) + 3 * _convolution(channels, channels, 27, count)
        others += _convolution(inside, channels, 1, count) if channels != inside else 0
        inside = channels
    return stem, others


def test_a_convolution() -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        Convolution(3, 5, 3, padding=1)(torch.empty(2, 3, 4, 6, 6))
    assert counter.get_total_flops() == _convolution(3, 5, 27, 2 * 4 * 6 * 6)


def test_resnet18_is_what_its_layers_make() -> None:
    stem, others = _resnet18()
    # forward, for the weights, for the maps: but nobody asks for the gradient of the clip
    assert operations(EncoderSettings()) == 2 * stem + 3 * others
    assert stem + others == pytest.approx(16.6e9, rel=0.01)  # the 8.3 · 10⁹ multiplications known of it


def test_views_are_those_that_a_weight_asks_for() -> None:
    assert [views(_settings(alpha=a, beta=b)) for a, b in (((0, 0, 1), (1, 0, 0)), ((0, 1, 0), (0, 0, 0)))] == [3, 2]
    assert views(_settings(alpha=(0, 0, 0), beta=(0, 0, 0), steps=0)) == 1


@pytest.mark.parametrize("encoder", ["r3d18", "c3d", "r2plus1d10"])
def test_weights_and_vectors_are_those_of_the_method(encoder: str) -> None:
    settings = _settings(encoder=encoder, width=0.0625, size=32, clip_length=16, alpha=(0, 1, 1), beta=(1, 0, 0))
    method, found = HDC(settings), work(settings)
    assert found.weights == sum(each.numel() for each in method.parameters())
    assert weights(settings.encoder_settings) == sum(each.numel() for each in method.encoder.parameters())
    pyramid = method.encoder(torch.zeros(1, 3, 16, 32, 32))
    assert {each.name: each.positions for each in found.contrasts} == {
        "spatial_4": pyramid[4].shape[2],
        "spatial_5": pyramid[5].shape[2],
        "temporal_3": 1,
    }
    assert {each.directions for each in work(_settings(both_directions=True)).contrasts} == {2}


def test_nothing_to_learn() -> None:
    with pytest.raises(SettingsError, match=r"recipe scratch learns nothing .*Give another --recipe"):
        work(_settings(recipe="scratch", alpha=(0, 0, 0), beta=(0, 0, 0), steps=0))
