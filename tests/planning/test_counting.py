"""Operations, weights and vectors, held against counting by hand and against the real method."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from unreel.engine import process_group
from unreel.errors import SettingsError
from unreel.methods.hdc import HDC
from unreel.models.convolution import Convolution
from unreel.planning.counting import EncodedFrames, encoded_frames, weights, work
from unreel.planning.model import BYTES_OF_FLOAT, EMBEDDING_WIDTH
from unreel.recipes import changes
from unreel.settings.hdc import HDCSettings
from unreel.settings.pretraining import pretraining


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
    assert work(_settings()).operations == 2 * stem + 3 * others
    assert stem + others == pytest.approx(16.6e9, rel=0.01)  # the 8.3 · 10⁹ multiplications known of it


def test_frames_are_those_of_the_views_that_a_weight_asks_for() -> None:
    asked = (((0, 0, 1), (1, 0, 0)), ((0, 1, 0), (0, 0, 0)))
    found = [encoded_frames(_settings(alpha=a, beta=b)) for a, b in asked]
    assert [(each.learnt, each.followed, each.read) for each in found] == [(48, 0, 32), (32, 0, 32)]


def test_copies_are_counted_apart() -> None:
    values = {**changes("rspnet"), "folder": "in", "out": "out"}
    assert encoded_frames(pretraining(values, "rspnet")) == EncodedFrames(16.0, 32.0, 48.0)


@pytest.mark.parametrize("encoder", ["r3d18", "c3d", "r2plus1d10"])
def test_weights_are_those_of_the_encoder(encoder: str) -> None:
    settings = _settings(encoder=encoder, width=0.0625, size=32, clip_length=16)
    found = sum(each.numel() for each in HDC(settings).encoder.parameters())
    assert weights(settings.encoder_settings) == work(settings).weights == found


@pytest.mark.parametrize("both_directions", [False, True])
@pytest.mark.parametrize("encoder", ["r3d18", "c3d"])
def test_the_vectors_counted_are_those_that_hdc_sends(
    monkeypatch: pytest.MonkeyPatch, encoder: str, both_directions: bool
) -> None:
    """As one of three processes, whose two others give the same rows; every collective is noted."""
    count, own, sizes = 3, 2, {"gather": [0], "reduce": [0]}
    settings = _settings(
        encoder=encoder, width=0.0625, size=32, alpha=(0, 1, 1), beta=(1, 0, 0), both_directions=both_directions
    )

    def all_gather(parts: list[Tensor], rows: Tensor) -> None:
        sizes["gather"].append(sum(each.numel() * each.element_size() for each in parts))
        for each in parts:
            each.copy_(rows)

    def all_reduce(values: Tensor) -> None:
        sizes["reduce"].append(values.numel() * values.element_size())

    monkeypatch.setattr(process_group, "count", lambda: count)
    monkeypatch.setattr(process_group, "rank", lambda: 0)
    monkeypatch.setattr(torch.distributed, "all_gather", all_gather)
    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    method = HDC(settings)
    maps = method.encoder(torch.zeros(1, 3, 16, 32, 32))
    shapes = {f"spatial_{level}": (own, maps[level].shape[2], 128) for level in (4, 5)} | {"temporal_3": (own, 128)}
    vectors = {
        f"{view}/{name}": torch.randn(shape, requires_grad=True)
        for name, shape in shapes.items()
        for view in ("o", name[0])
    }
    method.loss(vectors).total.backward()  # type: ignore[no-untyped-call]

    needed = work(settings)
    whole = own * count * needed.vectors * EMBEDDING_WIDTH * BYTES_OF_FLOAT
    assert sum(sizes["gather"]) == whole
    averages = 3 * (1 + both_directions) * 2 * 4  # loss and accuracy of every contrast
    assert sum(sizes["reduce"]) == whole + averages
    gradients = 2 * needed.weights * BYTES_OF_FLOAT
    assert needed.sent(own * count, count) == pytest.approx((3 * whole + gradients) * 2 / 3)


def test_nothing_to_learn() -> None:
    with pytest.raises(SettingsError, match=r"recipe scratch learns nothing .*Give another --recipe"):
        work(_settings(recipe="scratch", alpha=(0, 0, 0), beta=(0, 0, 0), steps=0))
