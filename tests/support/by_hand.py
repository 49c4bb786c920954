"""Encoders against the same networks written out with torch's functions."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from unreel import models

ByHand = Callable[[Mapping[str, Tensor], Tensor], Mapping[Any, Tensor]]


def check(encoder: models.Encoder, by_hand: ByHand) -> None:
    """Random weights and clips of odd sizes give the same maps, to 1e-8, at levels 3, 4 and 5."""
    encoder = encoder.double().requires_grad_(False)
    for parameter in encoder.parameters():
        parameter.normal_()
    clips = torch.randn(2, 3, 17, 50, 37, dtype=torch.float64)
    pyramid, expected = encoder(clips), by_hand(encoder.state_dict(), clips)
    assert set(pyramid) == {3, 4, 5}
    for level in pyramid:
        torch.testing.assert_close(pyramid[level], expected[level], atol=1e-8, rtol=1e-8)
