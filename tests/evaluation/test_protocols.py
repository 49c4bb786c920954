"""The named protocols as values."""

import pytest
import torch
from torch.nn import functional

from unreel.evaluation.protocols import CENTRED, GAP, PROTOCOLS, VCOP


def test_they_are_what_they_are_called() -> None:
    assert {name: each.name for name, each in PROTOCOLS.items()} == {
        "gap": "gap",
        "centred": "centred",
        "vcop": "vcop",
    }
    assert {each.clips for each in PROTOCOLS.values()} == {10}
    assert [each.centred for each in (GAP, CENTRED, VCOP)] == [False, True, False]


def test_what_departs_from_a_protocol_is_in_its_name() -> None:
    assert VCOP.called(10, 0) == "vcop"
    assert VCOP.called(10, 8) == "vcop, last batch of 8 dropped"
    assert [GAP.called(clips, 0) for clips in (1, 2)] == ["gap, 1 clip", "gap, 2 clips"]


@pytest.mark.parametrize(("size", "frame"), [(112, (128, 171)), (224, (256, 342)), (56, (64, 86)), (32, (37, 49))])
def test_frames_are_scaled_with_the_input(size: int, frame: tuple[int, int]) -> None:
    assert VCOP.frame_for(size) == frame
    assert GAP.frame_for(size) is None


def test_pooling() -> None:
    maps = torch.randn(3, 4, 2, 7, 7)
    torch.testing.assert_close(GAP.pooled(maps), maps.flatten(2).mean(dim=2))
    pooled = VCOP.pooled(maps)
    assert pooled.shape == (3, 4 * 2 * 3 * 3)
    torch.testing.assert_close(pooled, functional.max_pool3d(maps, (1, 2, 2), (1, 2, 2)).reshape(3, -1))
    assert VCOP.pooled(torch.zeros(1, 512, 2, 7, 7)).shape == (1, 9216)


@pytest.mark.parametrize(("height", "width", "cells"), [(1, 1, 1), (2, 2, 1), (1, 3, 1), (4, 4, 4), (3, 1, 1)])
def test_small_maps_are_pooled_too(height: int, width: int, cells: int) -> None:
    maps = torch.randn(2, 3, 1, height, width)
    pooled = VCOP.pooled(maps)
    assert pooled.shape == (2, 3 * cells)
    assert pooled[0, 0] == maps[0, 0, 0, :2, :2].max()
