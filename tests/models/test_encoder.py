"""What holds for every encoder: shapes, parameters, limits of the input, gradients, number formats, weights."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float
from torch import Tensor, nn

from unreel import models
from unreel.errors import SettingsError
from unreel.models.encoder import differences, scaled
from unreel.models.norm import InstanceNorm, Norm
from unreel.settings.encoder import Shortcut

Shape = tuple[int, ...]
Sizes = dict[int, Shape]
TINY = 1 / 32
VARIANTS: list[tuple[str, Shortcut]] = [("c3d", "B"), ("r3d18", "A"), ("r3d18", "B"), ("r2plus1d10", "B")]
SMALLEST = {"c3d": (8, 16, 16), "r3d18": (1, 1, 1), "r2plus1d10": (1, 1, 1)}
FULL_SIZE: dict[str, Sizes] = {
    "c3d": {3: (256, 8, 28, 28), 4: (512, 4, 14, 14), 5: (512, 2, 7, 7)},
    "r3d18": {3: (128, 4, 14, 14), 4: (256, 2, 7, 7), 5: (512, 1, 4, 4)},
    "r2plus1d10": {3: (128, 8, 28, 28), 4: (256, 4, 14, 14), 5: (512, 2, 7, 7)},
}

every_variant = pytest.mark.parametrize(("name", "shortcut"), VARIANTS)
every_encoder = pytest.mark.parametrize("name", SMALLEST)
both_norms = pytest.mark.parametrize("norm", ["instance", "batch"])


def tiny(name: str, norm: Norm = "instance", shortcut: Shortcut = "B", seed: int = 0) -> models.Encoder:
    torch.manual_seed(seed)
    return models.build(name, width=TINY, norm=norm, shortcut=shortcut)


def on_meta(name: str, width: float = 1.0, shortcut: Shortcut = "B") -> tuple[models.Encoder, Sizes]:
    """An encoder without numbers, and the shapes it gives for one clip of 16×112×112."""
    with torch.device("meta"):
        encoder = models.build(name, width=width, shortcut=shortcut)
        pyramid = encoder(torch.zeros(1, 3, 16, 112, 112))
    return encoder, {level: tuple(pyramid[level].shape[1:]) for level in pyramid}


@every_variant
def test_shapes_at_full_size(name: str, shortcut: Shortcut) -> None:
    encoder, shapes = on_meta(name, shortcut=shortcut)
    assert shapes == FULL_SIZE[name]
    assert encoder.channels == {level: shape[0] for level, shape in FULL_SIZE[name].items()}


def c3d_parameters(a: int, b: int, c: int, d: int) -> int:
    convolutions = [(3, a), (a, b), (b, c), (c, c), (c, d), (d, d), (d, d), (d, d)]
    return sum(27 * before * after + 3 * after for before, after in convolutions)  # bias, norm scale, norm shift


def r3d18_parameters(a: int, b: int, c: int, d: int) -> int:
    stem = 3 * 343 * a + 2 * a
    return stem + sum(27 * (i * o + 3 * o * o) + 4 * 2 * o for i, o in [(a, a), (a, b), (b, c), (c, d)])


def r3d18_b_parameters(a: int, b: int, c: int, d: int) -> int:
    return r3d18_parameters(a, b, c, d) + sum(i * o + 2 * o for i, o in [(a, b), (b, c), (c, d)])


def r2plus1d_parameters(a: int, b: int, c: int, d: int) -> int:
    blocks = [(a, a), (a, b), (b, c), (c, d)]
    first, second = [(i, o, 3, 9) for i, o in blocks], [(o, o, 3, 9) for _, o in blocks]
    shortcuts = [(i, o, 1, 1) for i, o in blocks[1:]]
    return sum(factored_parameters(*each) for each in [(3, a, 3, 49), *first, *second, *shortcuts])


def factored_parameters(i: int, o: int, t: int, area: int) -> int:
    middle = int((t * area * i * o) / (area * i + t * o))
    return area * i * middle + 2 * middle + t * middle * o + 2 * o


@pytest.mark.parametrize(
    ("name", "shortcut", "total", "millions", "formula"),
    [
        ("c3d", "B", 27_661_440, 27.7, c3d_parameters),
        ("r3d18", "A", 33_030_080, 33.0, r3d18_parameters),
        ("r3d18", "B", 33_203_904, 33.2, r3d18_b_parameters),
        ("r2plus1d10", "B", 14_365_303, 14.4, r2plus1d_parameters),
    ],
)
def test_parameters(
    name: str, shortcut: Shortcut, total: int, millions: float, formula: Callable[[int, int, int, int], int]
) -> None:
    assert round(total / 1e6, 1) == millions  # the specification's
    for width, planes in ((1.0, (64, 128, 256, 512)), (0.25, (16, 32, 64, 128)), (0.3, (19, 38, 77, 154))):
        encoder, shapes = on_meta(name, width, shortcut)
        count = sum(each.numel() for each in encoder.parameters())
        assert count == formula(*planes)
        assert width != 1.0 or count == total
        assert {level: shape[0] for level, shape in shapes.items()} == encoder.channels


def test_no_width_leaves_no_channel() -> None:
    assert [scaled(64, width) for width in (1.0, 0.3, 0.01, 1e-9)] == [64, 19, 1, 1]
    for name, _ in VARIANTS:
        assert on_meta(name, 1e-9)[0].channels == {3: 1, 4: 1, 5: 1}


def sizes_by_hand(name: str, frames: int, height: int, width: int) -> Sizes:
    """(t, h, w) of every level: halved layer by layer, pools rounding down and strided convolutions up."""

    def halved(size: int, times: int) -> int:
        for _ in range(times):
            size = size // 2 if name == "c3d" else (size + 1) // 2
        return size

    halvings = {"c3d": (-2, -1), "r3d18": (-1, 0), "r2plus1d10": (-2, -1)}[name]
    return {
        level: (halved(frames, level + halvings[0]), *(halved(side, level + halvings[1]) for side in (height, width)))
        for level in (3, 4, 5)
    }


@every_variant
@settings(max_examples=10)
@given(data=st.data())
def test_every_size_that_is_large_enough(name: str, shortcut: Shortcut, data: st.DataObject) -> None:
    frames, height, width = (data.draw(st.integers(least, least + 21)) for least in SMALLEST[name])
    encoder = tiny(name, shortcut=shortcut)
    encoder.check(frames, height, width)
    with torch.inference_mode():
        pyramid = encoder(torch.randn(1, 3, frames, height, width))
    assert {level: tuple(pyramid[level].shape[2:]) for level in pyramid} == sizes_by_hand(name, frames, height, width)
    for level, channels in encoder.channels.items():
        assert pyramid[level].shape[1] == channels
        assert pyramid[level].isfinite().all()


@every_encoder
@settings(max_examples=10)
@given(data=st.data())
def test_every_size_that_is_too_small_is_skipped(name: str, data: st.DataObject) -> None:
    least = SMALLEST[name]
    size = [data.draw(st.integers(each, each + 9)) for each in least]
    short = data.draw(st.integers(0, 2))
    size[short] = data.draw(st.integers(0, least[short] - 1))
    got, expected = f"{size[0]} frames of {size[1]}×{size[2]}", f"at least {least[0]} frames of {least[1]}×{least[2]}"
    message = f"cannot encode clips of {got} pixels: it needs {expected}. Take longer clips or larger frames"
    with pytest.raises(SettingsError, match=message):
        type(tiny(name)).check(*size)
    with pytest.raises(SettingsError, match=message):
        tiny(name)(torch.zeros(1, 3, *size))


@every_encoder
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_below_the_limit_torch_itself_would_raise(name: str, axis: int) -> None:
    size = list(SMALLEST[name])
    size[axis] -= 1
    with pytest.raises(RuntimeError):
        tiny(name).levels(torch.zeros(1, 3, *size))


@every_variant
@both_norms
def test_the_smallest_clips_can_be_learned_from(name: str, shortcut: Shortcut, norm: Norm) -> None:
    encoder = tiny(name, norm, shortcut)
    pyramid = encoder(torch.randn(2, 3, *SMALLEST[name]))
    assert pyramid[5].shape[2:] == (1, 1, 1)
    torch.autograd.backward(weighed(pyramid[3], pyramid[4], pyramid[5]))
    assert all(each.grad is not None and each.grad.isfinite().all() for each in encoder.parameters())


def weighed(*maps: Tensor) -> Float[Tensor, ""]:
    """A sum with random weights: a plain one would be blind to what comes before an instance norm."""
    return torch.stack([(each * torch.randn_like(each)).sum() for each in maps]).sum()


@every_variant
@both_norms
def test_gradients_reach_every_parameter(name: str, shortcut: Shortcut, norm: Norm) -> None:
    torch.manual_seed(0)
    encoder = models.build(name, width=2 * TINY, norm=norm, shortcut=shortcut)
    pyramid = encoder(torch.randn(2, 3, 16, 40, 40))
    torch.autograd.backward(weighed(pyramid[3], pyramid[4], pyramid[5]))
    before_norm = {f"{path}.bias" for path, module in encoder.named_modules() if isinstance(module, nn.Conv3d)}
    for path, parameter in encoder.named_parameters():
        assert parameter.grad is not None, path
        # a norm takes away whatever constant the convolution before it adds
        assert path in before_norm or parameter.grad.abs().max() > 1e-2, path


@every_variant
def test_the_norm_asked_for_is_everywhere(name: str, shortcut: Shortcut) -> None:
    def count(norm: Norm, kind: type[nn.Module]) -> int:
        return sum(isinstance(module, kind) for module in tiny(name, norm, shortcut).modules())

    # one after every convolution
    convolutions = {("c3d", "B"): 8, ("r3d18", "A"): 17, ("r3d18", "B"): 20, ("r2plus1d10", "B"): 2 * 9 + 2 * 3}
    expected = convolutions[name, shortcut]
    assert count("instance", nn.Conv3d) == expected
    assert (count("instance", InstanceNorm), count("instance", nn.BatchNorm3d)) == (expected, 0)
    assert (count("batch", InstanceNorm), count("batch", nn.BatchNorm3d)) == (0, expected)


@every_variant
@both_norms
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@torch.inference_mode()
def test_mixed_precision_and_layout(name: str, shortcut: Shortcut, norm: Norm, layout: torch.memory_format) -> None:
    encoder, clips = tiny(name, norm, shortcut), torch.randn(4, 3, 16, 48, 48)
    exact = encoder(clips)
    for kernel in encoder.parameters():
        if kernel.ndim == 5:
            kernel.data = kernel.data.to(memory_format=layout)
    laid_out = clips.to(memory_format=layout)
    same = encoder(laid_out)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = encoder(laid_out)
    for level in exact:
        torch.testing.assert_close(same[level], exact[level], atol=1e-4, rtol=1e-4)
        error = (mixed[level].float() - exact[level]).norm() / exact[level].norm()
        assert 0 < error < 0.1  # bfloat16 keeps 8 bits: 0.004 a layer


@every_variant
@both_norms
def test_weights_saved_and_loaded_give_the_same(name: str, shortcut: Shortcut, norm: Norm) -> None:
    first, second = tiny(name, norm, shortcut, seed=0), tiny(name, norm, shortcut, seed=1)
    clips = torch.randn(2, 3, 8, 32, 32)
    first(clips)  # moves batch norm's running statistics
    with torch.inference_mode():
        before = first.eval()(clips)[5]
        assert not torch.allclose(second.eval()(clips)[5], before)
        second.load_state_dict(first.state_dict())
        assert torch.equal(second(clips)[5], before)


@every_encoder
def test_the_seed_decides_the_first_weights(name: str) -> None:
    first, again, other = (tiny(name, seed=seed).state_dict() for seed in (3, 3, 4))
    kernels = [key for key, weight in first.items() if weight.ndim == 5]
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not any(torch.equal(first[key], other[key]) for key in kernels)


@every_encoder
def test_first_weights_are_he_et_als(name: str) -> None:
    torch.manual_seed(0)
    for path, module in models.build(name, width=0.25).named_modules():
        if isinstance(module, nn.Conv3d):
            fan_out = module.out_channels * module.weight[0, 0].numel()
            scale = (module.weight.std() * (fan_out / 2) ** 0.5).item()
            assert scale == pytest.approx(1, abs=5 / module.weight.numel() ** 0.5), path
            assert module.bias is None or not module.bias.any()


@every_encoder
def test_differences_are_each_frame_less_the_one_before(name: str) -> None:
    clips = torch.randn(2, 3, 16, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = torch.empty_like(clips)
    for frame in range(16):
        earlier = min(frame, 14)  # the last difference is shown twice
        expected[:, :, frame] = clips[:, :, earlier + 1] - clips[:, :, earlier]
    torch.manual_seed(0)
    encoder = models.build(name, width=TINY, input="difference")
    found, plain = encoder(clips), tiny(name)(expected)
    assert all(torch.equal(found[level], plain[level]) for level in found)
    still = torch.randn(2, 3, 1, 32, 32, generator=torch.Generator().manual_seed(1)).expand(-1, -1, 16, -1, -1)
    moved = encoder(clips + still)
    assert all(torch.allclose(found[level], moved[level], atol=1e-3) for level in found)


def test_a_frame_alone_has_no_difference() -> None:
    assert torch.equal(differences(torch.ones(1, 3, 1, 2, 2)), torch.zeros(1, 3, 1, 2, 2))
