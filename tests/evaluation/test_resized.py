"""Resized frames against Pillow and against torch's own resizing."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from unreel.evaluation.resized import centre_of_resized
from unreel.video.decoding.yuv import Colour

GREY = torch.from_numpy(Colour("bt601").to_rgb())


def _shown(luma: torch.Tensor, chroma: torch.Tensor, frame: tuple[int, int], size: int) -> torch.Tensor:
    return centre_of_resized(luma, chroma, GREY, frame, size)


def _grey(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    luma = torch.randint(16, 236, (2, 3, height, width), generator=generator, dtype=torch.uint8)
    return luma, torch.full((2, 3, 2, height // 2, width // 2), 128, dtype=torch.uint8)


@pytest.mark.parametrize(("height", "width"), [(128, 170), (128, 228), (240, 320), (64, 48), (172, 128)])
def test_grey_frames_are_resized_as_by_torch_and_pillow(height: int, width: int) -> None:
    luma, chroma = _grey(height, width)
    shown = _shown(luma, chroma, (128, 171), 112)
    resized = functional.interpolate(luma.float(), (128, 171), mode="bilinear", align_corners=False, antialias=True)
    expected = (resized[:, :, 8:120, 30:142] - 16) / 219 * 2 - 1
    for channel in range(3):
        torch.testing.assert_close(shown[:, channel], expected, atol=2e-4, rtol=0)
    picture = Image.fromarray(luma[1, 2].numpy()).resize((171, 128), Image.Resampling.BILINEAR)
    levels = (np.asarray(picture, dtype=np.float32)[8:120, 30:142] - 16) / 219 * 2 - 1
    np.testing.assert_allclose(shown[1, 0, 2].numpy(), levels, atol=2.1 / 219)  # Pillow rounds, twice


def test_colours_lie_where_the_luma_is() -> None:
    # A red ramp across: chroma samples lie beside the left of two luma columns.
    luma = torch.full((1, 1, 128, 170), 120, dtype=torch.uint8)
    columns = torch.arange(0, 170, 2)
    chroma = torch.full((1, 1, 2, 64, 85), 128, dtype=torch.uint8)
    chroma[:, :, 1] = (80 + columns // 2).to(torch.uint8)
    red = _shown(luma, chroma, (128, 171), 112)[0, 0, 0, 56]
    places = (torch.arange(30, 142) + 0.5) * 170 / 171 - 0.5  # of the pixels shown, in luma columns
    expected = 2 * ((120 - 16) / 219 + 1.402 * (80 + places / 2 - 128) / 224) - 1
    torch.testing.assert_close(red, expected.float(), atol=1e-3, rtol=0)


def test_values_are_clamped() -> None:
    luma, chroma = torch.zeros(1, 1, 32, 32, dtype=torch.uint8), torch.zeros(1, 1, 2, 16, 16, dtype=torch.uint8)
    assert _shown(luma, chroma, (32, 43), 28)[:, 0].eq(-1).all()
    assert _shown(luma + 255, chroma + 255, (32, 43), 28).max() == 1
