"""What a view is made of: planes of noise, and any draws."""

import torch
from hypothesis import strategies as st
from torch import Tensor

from unreel.augment import ViewDraws
from unreel.video.decoding.yuv import Colour

TO_RGB = [torch.from_numpy(Colour(matrix, full).to_rgb()) for matrix in ("bt601", "bt709") for full in (False, True)]

Given = tuple[Tensor, Tensor, Tensor, ViewDraws]


def planes(clips: int, frames: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Noise, the second of two clips of every video, as a method takes it from a batch."""
    chance = torch.Generator().manual_seed(height)
    shapes = (clips, 2, frames, height, width), (clips, 2, frames, 2, height // 2, width // 2)
    luma, chroma = (torch.randint(256, shape, generator=chance, dtype=torch.uint8)[:, 1] for shape in shapes)
    return luma, chroma


@st.composite
def any_draws(draw: st.DrawFn, clips: int, frames: int) -> ViewDraws:
    """Any: boxes that lie in part outside, colours far off, a channel for each clip or for each frame."""
    number = st.floats(0, 1, width=32)
    channels = draw(st.sampled_from([1, frames]))
    rows = [
        (
            [draw(number) - 0.25, draw(number) - 0.25, draw(st.floats(0.015625, 1.5, width=32))],
            draw(st.sampled_from([-1.0, 1.0])),
            [*(2 * draw(number) for _ in range(3)), draw(number) - 0.5],
            [draw(st.integers(-1, 2)) for _ in range(channels)],
        )
        for _ in range(clips)
    ]
    return ViewDraws(*(torch.tensor(column) for column in zip(*rows, strict=True)))


@st.composite
def any_batches(draw: st.DrawFn) -> Given:
    clips, frames = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    height, width = (2 * draw(st.integers(1, 20)) for _ in range(2))
    to_rgb = torch.stack([draw(st.sampled_from(TO_RGB)) for _ in range(clips)])
    return *planes(clips, frames, height, width), to_rgb, draw(any_draws(clips, frames))
