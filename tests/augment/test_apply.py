"""The fused augmentation against a slow one in RGB, step by step, without its clamp."""

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor

from unreel.augment import ViewDraws, apply_views, centre_draws
from unreel.video.planes import Colour

TO_RGB = torch.from_numpy(Colour("bt601", False).to_rgb())[None]
SIDE, SIZE = 24, 16


def _clip(seed: int, frames: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(frames, 3, 4, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bicubic").clamp(0, 1)
    luma = 16 + 219 * smooth[:, 0]
    chroma = 16 + 224 * torch.nn.functional.avg_pool2d(smooth[:, 1:], 2)
    return luma.round().byte()[None], chroma.round().byte()[None]


def _draws(box: tuple[float, float, float], flip: float, jitter: tuple[float, ...], channel: int) -> ViewDraws:
    return ViewDraws(torch.tensor([box]), torch.tensor([flip]), torch.tensor([jitter]), torch.tensor([channel]))


def _sample(plane: np.ndarray, x: float, y: float) -> float:
    """Bilinear, pixel centres at half-integers, the border repeated."""
    x, y = min(max(x - 0.5, 0), plane.shape[1] - 1), min(max(y - 0.5, 0), plane.shape[0] - 1)
    column, row = min(int(x), plane.shape[1] - 2), min(int(y), plane.shape[0] - 2)
    right, down = x - column, y - row
    top = (1 - right) * plane[row, column] + right * plane[row, column + 1]
    bottom = (1 - right) * plane[row + 1, column] + right * plane[row + 1, column + 1]
    return float((1 - down) * top + down * bottom)


def _slow(luma: Tensor, chroma: Tensor, draws: ViewDraws) -> np.ndarray:
    """Crop, resize, flip, YUV → RGB, brightness, contrast, saturation, hue, replication: one after the other."""
    left, top, side = draws.box[0].tolist()
    frames = luma.shape[1]
    yuv = np.zeros((3, frames, SIZE, SIZE))
    for t in range(frames):
        for plane, (values, cells) in enumerate(
            [(luma[0, t], SIDE), (chroma[0, t, 0], SIDE // 2), (chroma[0, t, 1], SIDE // 2)]
        ):
            for row in range(SIZE):
                for column in range(SIZE):
                    seen = column if draws.flip[0] > 0 else SIZE - 1 - column
                    x, y = left + side * (seen + 0.5) / SIZE, top + side * (row + 0.5) / SIZE
                    yuv[plane, t, row, column] = _sample(values.numpy().astype(float), x * cells, y * cells)
    y, u, v = (yuv[0] - 16) / 219, (yuv[1] - 128) / 224, (yuv[2] - 128) / 224
    rgb = np.stack([y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u])
    brightness, contrast, saturation, hue = draws.jitter[0].tolist()
    rgb = brightness * rgb
    rgb = contrast * rgb + (1 - contrast) * _grey(rgb).mean()
    rgb = saturation * rgb + (1 - saturation) * _grey(rgb)
    rgb = np.einsum(
        "ij,jthw->ithw", Rotation.from_rotvec(2 * math.pi * hue * np.ones(3) / math.sqrt(3)).as_matrix(), rgb
    )
    if draws.channel[0] >= 0:
        rgb = np.repeat(rgb[draws.channel[0] : draws.channel[0] + 1], 3, axis=0)
    return np.asarray(np.clip(2 * rgb - 1, -1, 1))


def _grey(rgb: np.ndarray) -> np.ndarray:
    return np.asarray(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2])


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 99),
    side=st.sampled_from([1.0, 0.875, 0.66]),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    flip=st.sampled_from([-1.0, 1.0]),
    jitter=st.tuples(*[st.floats(0.6, 1.4)] * 3, st.floats(-0.1, 0.1)),
    channel=st.integers(-1, 2),
)
def test_equals_the_slow_one_within_a_grey_level(
    seed: int, side: float, place: tuple[float, float], flip: float, jitter: tuple[float, ...], channel: int
) -> None:
    luma, chroma = _clip(seed)
    draws = _draws((place[0] * (1 - side), place[1] * (1 - side), side), flip, jitter, channel)
    fast = apply_views(luma, chroma, TO_RGB, draws, SIZE)[0].numpy()
    levels = np.abs(fast - _slow(luma, chroma, draws)) * 127.5
    assert levels.mean() < 1
    assert np.percentile(levels, 99) < 2


def test_one_draw_serves_all_frames() -> None:
    luma, chroma = _clip(3, frames=1)
    still = luma.expand(1, 5, -1, -1), chroma.expand(1, 5, -1, -1, -1)
    view = apply_views(*still, TO_RGB, _draws((0.1, 0.2, 0.7), -1.0, (1.2, 0.8, 1.3, 0.05), -1), SIZE)
    torch.testing.assert_close(view, view[:, :, :1].expand_as(view))


def test_replication_leaves_red_green_and_blue_equal() -> None:
    view = apply_views(*_clip(4), TO_RGB, _draws((0.0, 0.0, 1.0), 1.0, (1.1, 0.9, 1.2, 0.1), 1), SIZE)
    assert torch.equal(view[:, 0], view[:, 1])
    assert torch.equal(view[:, 0], view[:, 2])


def test_the_whole_region_at_its_own_size_is_the_frame_itself() -> None:
    luma = torch.randint(16, 236, (1, 2, SIDE, SIDE), dtype=torch.uint8)
    grey = torch.full((1, 2, 2, SIDE // 2, SIDE // 2), 128, dtype=torch.uint8)
    view = apply_views(luma, grey, TO_RGB, centre_draws(1, 1.0), SIDE)
    expected = 2 * (luma.float() - 16) / 219 - 1
    torch.testing.assert_close(view, expected[:, None].expand(-1, 3, -1, -1, -1), atol=1e-4, rtol=0)
