"""The fused augmentation against slow ones: RGB frames first, then one step after the other, one clamp at the end.

Boxes on whole pixels are cut and resized, others sampled by torch's `grid_sample`.
"""

import colorsys
import math
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import pytest
import torch
from clips import Clip, frames_of
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import UInt8
from torch import Tensor
from torch.nn import functional

from unreel.augment import CENTRE_SHARE, ViewDraws, apply_views, draw_views
from unreel.settings.augmentation import AugmentationSettings
from unreel.video.decoding.convert import plane_views
from unreel.video.decoding.yuv import Colour
from unreel.video.moving_shapes.synth import MovingShapes, render_collection

TO_RGB = torch.from_numpy(Colour("bt601", False).to_rgb())[None]
REGION, SIZE = 128, 112
NEUTRAL = (1.0, 1.0, 1.0, 0.0)

JITTERS = st.tuples(*[st.floats(0.6, 1.4)] * 3, st.floats(-0.1, 0.1))
SIDES = st.sampled_from([1.0, 0.875, 0.75, 0.66])
PLACES = st.tuples(st.floats(0, 1), st.floats(0, 1))
FLIPS = st.sampled_from([-1.0, 1.0])

Planes = tuple[Tensor, Tensor]  # luma (1 t h w), chroma (1 t 2 h/2 w/2)
Decoded = tuple[Planes, Tensor]  # and RGB (t 3 h w) in 0..1


def _noise(seed: int, frames: int = 3, side: int = 32) -> Planes:
    chance = torch.Generator().manual_seed(seed)
    shapes = (1, frames, side, side), (1, frames, 2, side // 2, side // 2)
    luma, chroma = (torch.randint(16, 236, shape, generator=chance, dtype=torch.uint8) for shape in shapes)
    return luma, chroma


def _draws(
    *,
    box: Sequence[float] = (0.0, 0.0, 1.0),
    flip: float = 1.0,
    jitter: Sequence[float] = NEUTRAL,
    channels: Sequence[int] = (-1,),
) -> ViewDraws:
    return ViewDraws(torch.tensor([box]), torch.tensor([flip]), torch.tensor([jitter]), torch.tensor([channels]))


def _row(draws: ViewDraws, row: int) -> ViewDraws:
    return ViewDraws(*(getattr(draws, each.name)[row : row + 1] for each in fields(ViewDraws)))


def _box(side: float, place: tuple[float, float]) -> tuple[float, float, float]:
    return place[0] * (1 - side), place[1] * (1 - side), side


def _view(planes: Planes, draws: ViewDraws, size: int = 24) -> Tensor:
    return apply_views(*planes, TO_RGB, draws, size)[0]


def _rgb(planes: Planes) -> Tensor:
    """RGB frames (t 3 h w), 0 to 1 and beyond, by the text of BT.601, chroma upsampled bilinearly.

    Upwards chroma lies between two rows of luma; across, on every second column, and the one between is their mean.
    """
    luma, chroma = planes[0][0].double(), planes[1][0].double()
    chroma = functional.interpolate(chroma, scale_factor=(2, 1), mode="bilinear", align_corners=False)
    after = torch.cat([chroma[..., 1:], chroma[..., -1:]], dim=-1)
    chroma = torch.stack([chroma, (chroma + after) / 2], dim=-1).flatten(-2)
    return _bt601(luma, chroma[:, 0], chroma[:, 1])


def _bt601(luma: Tensor, cb: Tensor, cr: Tensor) -> Tensor:
    y, u, v = (luma - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
    return torch.stack([y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u], dim=1)


def _converted(frames: Sequence[av.VideoFrame]) -> Tensor:
    """The same by swscale, in 0..1: bilinear, full chroma, accurate rounding."""
    images = [frame.to_ndarray(format="rgb24", interpolation=2 | 0x2000 | 0x40000) for frame in frames]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).double() / 255


def _grey(rgb: Tensor) -> Tensor:
    return 0.299 * rgb[:, 0:1] + 0.587 * rgb[:, 1:2] + 0.114 * rgb[:, 2:3]


def _step_by_step(rgb: Tensor, draws: ViewDraws, size: int) -> Tensor:
    """Crop, resize, mirror, brightness, contrast, saturation, hue, channel copy, clamp; the box is on whole pixels."""
    left, top, side = (draws.box[0] * rgb.shape[3]).round().int().tolist()
    rgb = rgb[:, :, top : top + side, left : left + side]
    rgb = functional.interpolate(rgb, size=(size, size), mode="bilinear", align_corners=False)
    return _coloured(rgb.flip(3) if draws.flip[0] < 0 else rgb, draws)


def _sampled(planes: Planes, draws: ViewDraws, size: int) -> Tensor:
    """The same for any box: every plane is sampled where the view has its pixels, chroma half a luma sample later."""
    luma, chroma = planes[0].double(), planes[1].double()
    (left, top, side), flip = draws.box[0].double(), draws.flip[0].double()
    places = torch.tensor([[[flip * side, 0, 2 * left + side - 1], [0, side, 2 * top + side - 1]]]).double()
    grid = functional.affine_grid(places, [1, 1, size, size], align_corners=False)
    shifted = grid + torch.tensor([1 / luma.shape[3], 0])
    sampled = [
        functional.grid_sample(plane, where, padding_mode="border", align_corners=False)[0]
        for plane, where in ((luma, grid), (chroma[:, :, 0], shifted), (chroma[:, :, 1], shifted))
    ]
    return _coloured(_bt601(*sampled), draws)


def _coloured(rgb: Tensor, draws: ViewDraws) -> Tensor:
    brightness, contrast, saturation, hue = draws.jitter[0].tolist()
    rgb = brightness * rgb
    rgb = contrast * rgb + (1 - contrast) * _grey(rgb).mean()
    rgb = saturation * rgb + (1 - saturation) * _grey(rgb)
    about_grey = torch.tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]).double() / math.sqrt(3)
    rgb = torch.einsum("ij,tjhw->tihw", torch.linalg.matrix_exp(2 * math.pi * hue * about_grey), rgb)
    if draws.channel[0, 0] >= 0:
        rgb = rgb[:, [int(draws.channel[0, 0])] * 3]
    return (2 * rgb.clamp(0, 1) - 1).transpose(0, 1)


def _natural(number: int, width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
    """A moving picture with the 1/f spectrum of natural images."""
    chance = np.random.default_rng(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(2 * width), np.fft.fftfreq(2 * height)))
    frequency[0, 0] = 1
    grey, *colours = np.fft.ifft2(np.fft.fft2(chance.standard_normal((4, 2 * height, 2 * width))) / frequency).real
    picture = np.stack([grey + 0.4 * colour for colour in colours], axis=2)
    picture = np.roll(128 + 45 * picture / picture.std(), (number, 2 * number), axis=(0, 1))[:height, :width]
    return np.asarray(picture.clip(0, 255), np.uint8)


@pytest.fixture(scope="module", params=["shapes", "natural"])
def decoded(request: pytest.FixtureRequest) -> Iterator[Decoded]:
    """16 frames of an H.264 file, as they are and in swscale's RGB."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        if request.param == "shapes":
            render_collection(folder / "shapes", MovingShapes(1, side=REGION, frames=16), workers=1)
            path = next(folder.rglob("*.mp4"))
        else:
            path = Clip(frames=16, width=REGION, height=REGION, pictures=_natural).write(folder / "natural.mp4")
        frames = list(islice(frames_of(path), 16))
        planes = [plane_views(frame) for frame in frames]
        luma = torch.from_numpy(np.stack([luma for luma, _, _ in planes]))
        chroma = torch.from_numpy(np.stack([np.stack(both) for _, *both in planes]))
        yield (luma[None], chroma[None]), _converted(frames)


@settings(max_examples=3)
@given(seed=st.integers(0, 1000))
def test_views_of_decoded_clips_equal_the_slow_ones(decoded: Decoded, seed: int) -> None:
    planes, converted = decoded
    table = draw_views(AugmentationSettings(), seed=seed, epoch=0, ids=[str(number) for number in range(8)], view="o")
    levels: dict[str, list[Tensor]] = {"own": [], "swscale": []}
    corner, side = (table.box[:, :2] * REGION).floor(), (table.box[:, 2:] * REGION).round()
    table = replace(table, box=torch.cat([corner.minimum(REGION - side), side], dim=1) / REGION)
    for row in range(len(table)):
        draws = _row(table, row)
        view = _view(planes, draws, SIZE)
        for name, rgb in (("own", _rgb(planes)), ("swscale", converted)):
            levels[name].append((view - _step_by_step(rgb, draws, SIZE)).abs().flatten() * 127.5)
    for found in levels.values():
        differences = torch.cat(found)
        assert differences.mean() < 1
        assert np.percentile(differences, 99) < 4


@given(
    codes=st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=4),
    jitter=st.tuples(*[st.floats(0, 2)] * 3, st.floats(-0.5, 0.5)),
    channel=st.integers(-1, 2),
)
def test_colours_are_exact(
    codes: list[tuple[int, int, int]], jitter: tuple[float, float, float, float], channel: int
) -> None:
    # frames of one colour each: no resampling blurs the comparison
    values = torch.tensor(codes, dtype=torch.uint8)[None, :, :, None, None]
    planes = values[:, :, 0].expand(-1, -1, 8, 8), values[:, :, 1:].expand(-1, -1, -1, 4, 4)
    draws = _draws(jitter=jitter, channels=[channel])
    expected = _step_by_step(_rgb(planes), draws, 4).float()
    torch.testing.assert_close(_view(planes, draws, 4), expected, atol=1e-3, rtol=0)


@given(side=SIDES, place=PLACES, flip=FLIPS)
def test_places_are_exact(side: float, place: tuple[float, float], flip: float) -> None:
    # on a ramp, a value tells the place it was taken from to a fraction of a pixel; the border has no neighbour
    across = (16 + 3 * torch.arange(64)).byte().expand(1, 1, 64, 64)
    neutral = torch.full((1, 1, 2, 32, 32), 128, dtype=torch.uint8)
    box, centres = _box(side, place), (torch.arange(24) + 0.5) / 24
    draws = _draws(box=box, flip=flip)
    row, column = _view((across, neutral), draws)[0, 0, 0], _view((across.mT, neutral), draws)[0, 0, :, 0]
    for found, start, order in ((row, box[0], centres if flip > 0 else centres.flip(0)), (column, box[1], centres)):
        places = ((found + 1) / 2 * 219 / 3 + 0.5) / 64
        torch.testing.assert_close(places, (start + side * order).clamp(0.5 / 64, 63.5 / 64), atol=1e-4, rtol=0)


@given(
    region=st.tuples(*[st.integers(1, 20).map(lambda half: 2 * half)] * 2),
    size=st.integers(1, 48),
    box=st.tuples(*[st.floats(0, 1)] * 2, st.floats(0.05, 1)).map(lambda drawn: _box(drawn[2], drawn[:2])),
    flip=FLIPS,
    jitter=JITTERS,
    channel=st.integers(-1, 2),
)
def test_views_of_noise_equal_those_of_a_sampled_grid(
    region: tuple[int, int],
    size: int,
    box: tuple[float, float, float],
    flip: float,
    jitter: tuple[float, ...],
    channel: int,
) -> None:
    height, width = region
    luma, chroma = _noise(7, side=40)
    planes = luma[..., :height, :width], chroma[..., : height // 2, : width // 2]
    draws = _draws(box=box, flip=flip, jitter=jitter, channels=[channel])
    expected = _sampled(planes, draws, size).float()
    torch.testing.assert_close(_view(planes, draws, size), expected, atol=1e-4, rtol=0)


@given(seed=st.integers(0, 1000), size=st.sampled_from([14, 28, 56]))
def test_all_switched_off_gives_the_centre_pixels(seed: int, size: int) -> None:
    off = dict.fromkeys(("crop", "scale_jitter", "flip", "colour_jitter", "channel_replication"), False)
    draws = draw_views(AugmentationSettings.model_validate(off), seed=seed, epoch=0, ids=["a"], view="o")
    planes = _noise(seed, side=round(size / CENTRE_SHARE))
    margin = size // 14
    centre = np.s_[:, :, margin : margin + size, margin : margin + size]
    view = _view(planes, draws, size)
    expected = (2 * _rgb(planes)[centre] - 1).clamp(-1, 1).transpose(0, 1).float()
    torch.testing.assert_close(view, expected, atol=1e-4, rtol=0)


@given(side=SIDES, place=PLACES, flip=FLIPS, jitter=JITTERS, channel=st.integers(-1, 2))
def test_one_draw_serves_all_frames(
    side: float, place: tuple[float, float], flip: float, jitter: tuple[float, ...], channel: int
) -> None:
    luma, chroma = _noise(3, frames=1)
    still = luma.expand(1, 5, -1, -1), chroma.expand(1, 5, -1, -1, -1)
    view = _view(still, _draws(box=_box(side, place), flip=flip, jitter=jitter, channels=[channel]))
    torch.testing.assert_close(view, view[:, :1].expand_as(view))


@given(
    side=SIDES,
    place=PLACES,
    flip=FLIPS,
    jitter=JITTERS,
    channels=st.lists(st.integers(0, 2), min_size=3, max_size=3) | st.lists(st.integers(0, 2), min_size=1, max_size=1),
)
def test_replication_shows_the_drawn_channel_three_times(
    side: float, place: tuple[float, float], flip: float, jitter: tuple[float, ...], channels: list[int]
) -> None:
    planes, draws = _noise(4, frames=3), _draws(box=_box(side, place), flip=flip, jitter=jitter)
    coloured, view = _view(planes, draws), _view(planes, replace(draws, channel=torch.tensor([channels])))
    assert torch.equal(view[0], view[1])
    assert torch.equal(view[0], view[2])
    for frame in range(3):
        torch.testing.assert_close(view[0, frame], coloured[channels[frame % len(channels)], frame])


@given(side=SIDES, place=PLACES, jitter=JITTERS)
def test_mirrored_twice_is_the_original(side: float, place: tuple[float, float], jitter: tuple[float, ...]) -> None:
    planes, draws = _noise(5), _draws(box=_box(side, place), jitter=jitter)
    mirrored = _view(planes, replace(draws, flip=-draws.flip))
    torch.testing.assert_close(mirrored.flip(-1), _view(planes, draws), atol=1e-4, rtol=0)


def test_every_clip_of_a_batch_has_its_own_draws() -> None:
    planes = [_noise(seed) for seed in range(6)]
    draws = draw_views(AugmentationSettings(), seed=0, epoch=0, ids=[str(seed) for seed in range(6)], view="o")
    luma, chroma = (torch.cat(parts) for parts in zip(*planes, strict=True))
    batch = apply_views(luma, chroma, TO_RGB.expand(6, 3, 4), draws, 24)
    for row, each in enumerate(planes):
        torch.testing.assert_close(batch[row], _view(each, _row(draws, row)), atol=1e-5, rtol=0)


def _solid(colour: Sequence[float], hue: float) -> list[float]:
    """A colour (0 to 1) after a turn of its hue, of the view's one pixel."""
    red, green, blue = colour
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    codes = 16 + 219 * luma, 128 + 224 * (blue - luma) / 1.772, 128 + 224 * (red - luma) / 1.402
    y, *uv = (torch.tensor(round(code), dtype=torch.uint8) for code in codes)
    planes = y.expand(1, 1, 4, 4), torch.stack(uv)[None, None, :, None, None].expand(1, 1, 2, 2, 2)
    view = _view(planes, _draws(jitter=(1.0, 1.0, 1.0, hue)), 1)
    return [(value + 1) / 2 for value in view.flatten().tolist()]


@pytest.mark.parametrize("colour", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1)])
@pytest.mark.parametrize("thirds", [-1, 0, 1, 2, 3])
def test_pure_colours_turn_as_in_hsv(colour: tuple[int, int, int], thirds: int) -> None:
    # red becomes green after a third of the circle, and itself again after all of it
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    expected = colorsys.hsv_to_rgb((hue + thirds / 3) % 1, saturation, value)
    assert _solid(colour, thirds / 3) == pytest.approx(expected, abs=0.01)


@given(hue=st.floats(0, 1), turn=st.floats(-0.1, 0.1))
def test_small_turns_have_the_size_and_the_direction_they_have_in_hsv(hue: float, turn: float) -> None:
    turned, _, _ = colorsys.rgb_to_hsv(*_solid(colorsys.hsv_to_rgb(hue, 0.3, 0.7), turn))
    assert math.remainder(turned - hue - turn, 1) == pytest.approx(0, abs=0.02)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("per_frame", [False, True])
def test_a_gpu_gives_the_same_view(decoded: Decoded, per_frame: bool) -> None:
    changed = AugmentationSettings(channel_replication_per_frame=per_frame)
    draws = draw_views(changed, seed=0, epoch=0, ids=[str(number) for number in range(8)], view="o", frames=16)
    luma, chroma, to_rgb = (part.expand(8, *part.shape[1:]) for part in (*decoded[0], TO_RGB))
    expected = apply_views(luma, chroma, to_rgb, draws, SIZE)
    view = apply_views(luma.cuda(), chroma.cuda(), to_rgb.cuda(), draws, SIZE)
    assert view.is_cuda
    torch.testing.assert_close(view.cpu(), expected, atol=1e-4, rtol=0)
