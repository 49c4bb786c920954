"""Colours by their code values, as the standards list them."""

import numpy as np
import pytest

from unreel.video.decoding.yuv import Colour

# 100 % colour bars (Y, Cb, Cr), from the tables of BT.601 and BT.709, and of JFIF for the full range.
BARS = {
    Colour("bt601"): {(255, 0, 0): (81, 90, 240), (0, 255, 0): (145, 54, 34), (0, 0, 255): (41, 240, 110)},
    Colour("bt709"): {(255, 0, 0): (63, 102, 240), (0, 255, 0): (173, 42, 26), (0, 0, 255): (32, 240, 118)},
    Colour("bt2020"): {(255, 0, 0): (74, 97, 240), (0, 255, 0): (164, 47, 25), (0, 0, 255): (29, 240, 119)},
    Colour("bt601", True): {(255, 0, 0): (76, 85, 255), (0, 255, 0): (150, 44, 21), (0, 0, 255): (29, 255, 107)},
}


@pytest.mark.parametrize("colour", BARS, ids=str)
def test_colour_bars_come_out_as_their_colours(colour: Colour) -> None:
    black, white = (0, 255) if colour.full_range else (16, 235)
    bars = BARS[colour] | {(0, 0, 0): (black, 128, 128), (255, 255, 255): (white, 128, 128)}
    for rgb, codes in bars.items():
        found = colour.to_rgb() @ np.array([*codes, 1], np.float32)
        np.testing.assert_allclose(found * 255, rgb, atol=2.5)  # the codes are rounded


def test_a_grey_is_grey_in_every_colour() -> None:
    for colour in BARS:
        red, green, blue = colour.to_rgb() @ np.array([77, 128, 128, 1], np.float32)
        assert red == pytest.approx(green, abs=1e-6)
        assert red == pytest.approx(blue, abs=1e-6)
