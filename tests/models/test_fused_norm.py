"""The fused norm against torch's operations in float64, one after the other; encoders that use it.

Without a GPU Triton's interpreter runs the kernels; whether they compile for one is seen apart.
"""

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from batches import noise_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from unreel import models
from unreel.errors import MissingExtraError, SettingsError
from unreel.methods.hdc import HDC
from unreel.models import triton_norm
from unreel.settings.hdc import HDCSettings

pytest.importorskip("triton")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
ENCODERS = {"c3d": (8, 32), "r3d18": (4, 24), "r2plus1d10": (4, 24)}


def _noise(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _step_by_step(maps: Tensor, weight: Tensor, bias: Tensor, added: Tensor | None, *, rectified: bool) -> Tensor:
    normed = functional.group_norm(maps, maps.shape[1], weight, bias, 1e-5)
    summed = normed if added is None else normed + added
    return summed.relu() if rectified else summed


@settings(max_examples=25)
@given(
    sizes=st.tuples(st.integers(1, 3), st.sampled_from([1, 3, 16, 64, 70, 130]), st.integers(1, 4), st.integers(2, 9)),
    programs=st.sampled_from([1, 16, 2048]),
    elements=st.sampled_from([256, 1024, 4096]),
    with_added=st.booleans(),
    rectified=st.booleans(),
)
def test_equals_the_steps_in_float64(
    sizes: tuple[int, int, int, int], programs: int, elements: int, with_added: bool, rectified: bool
) -> None:
    clips, channels, frames, side = sizes
    shape = clips, channels, frames, side, side
    given_ = [20 + 3 * _noise(shape, 0), _noise((channels,), 1), _noise((channels,), 2)]
    given_ += [_noise(shape, 3)] * with_added
    gradient = _noise(shape, 4)
    leaves = [each.to(DEVICE).requires_grad_() for each in given_]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(triton_norm, "PROGRAMS", programs)
        patch.setattr(triton_norm, "ELEMENTS", elements)
        maps, weight, bias, *added = leaves
        out = triton_norm.instance_norm(maps, weight, bias, 1e-5, *added, rectified=rectified)
        found = torch.autograd.grad(out, leaves, gradient.to(DEVICE))
    exact = [each.double().requires_grad_() for each in given_]
    maps, weight, bias, *added = exact
    expected = _step_by_step(maps, weight, bias, added[0] if added else None, rectified=rectified)
    gradients = torch.autograd.grad(expected, exact, gradient.double())
    torch.testing.assert_close(out.double().cpu(), expected, atol=1e-4, rtol=1e-4)
    near_zero = (expected.abs() < 1e-4).sum().item() if rectified else 0
    if not near_zero:  # on which side of 0 rounding leaves them decides about their gradient
        for own, theirs in zip(found, gradients, strict=True):
            torch.testing.assert_close(own.double().cpu(), theirs, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_maps_keep_their_precision(precision: torch.dtype) -> None:
    maps, added = (_noise((2, 5, 3, 4, 4), seed).to(DEVICE, precision).requires_grad_() for seed in (0, 1))
    weight, bias = (_noise((5,), seed).to(DEVICE).requires_grad_() for seed in (2, 3))
    out = triton_norm.instance_norm(maps, weight, bias, 1e-5, added, rectified=True)
    expected = _step_by_step(maps.float(), weight, bias, added.float(), rectified=True)
    assert out.dtype == precision
    torch.testing.assert_close(out.float(), expected, atol=0.02, rtol=0.02)
    leaves = maps, weight, bias, added
    found, exact = (torch.autograd.grad(each.sum(), leaves) for each in (out, expected))
    assert [each.dtype for each in found] == [each.dtype for each in leaves]
    for own, theirs in zip(found, exact, strict=True):
        torch.testing.assert_close(own, theirs, atol=0.05, rtol=0.05)


@pytest.mark.parametrize(
    ("name", "recomputing"), [("c3d", False), ("r3d18", False), ("r3d18", True), ("r2plus1d10", False)]
)
def test_an_encoder_gives_the_same(name: str, recomputing: bool) -> None:
    frames, side = ENCODERS[name]
    clips = _noise((2, 3, frames, side, side), 0).to(DEVICE)
    levels, gradients = [], []
    for chosen in (False, True):
        torch.manual_seed(0)
        encoder = models.build(name, width=0.0625).to(DEVICE, torch.float32)
        encoder.recomputing = recomputing
        if chosen:
            encoder.fuse("cuda")
        pyramid = encoder(clips)
        torch.autograd.backward(torch.stack([level.square().mean() for level in pyramid.values()]).sum())
        levels.append([level.detach() for level in pyramid.values()])
        gradients.append([each.grad for each in encoder.parameters()])
    for own, plain in zip(*levels, strict=True):
        torch.testing.assert_close(own, plain, atol=1e-3, rtol=1e-3)
    for own, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(own, plain, atol=1e-3, rtol=2e-2)


def test_only_what_has_more_than_one_position_is_normed(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = models.build("r3d18", width=0.0625).to(DEVICE)
    encoder.fuse("cuda")
    normed = Mock(wraps=triton_norm.instance_norm)
    monkeypatch.setattr(triton_norm, "instance_norm", normed)
    encoder(_noise((1, 3, 4, 16, 16), 0).to(DEVICE))
    assert all(call.args[0].shape[2:].numel() > 1 for call in normed.call_args_list)
    assert normed.call_count == 1 + 4 + 5  # the stem, blocks 2 and 3; later ones have a single position


def _settings(**changes: object) -> HDCSettings:
    small = {"width": 0.0625, "size": 32, "batch_size": 4, "accelerator": DEVICE, "clip_length": 4}
    return HDCSettings.model_validate({"folder": Path("in"), "out": Path("out"), **small, **changes})


def test_a_run_is_told_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingsError, match=r"fused is for NVIDIA GPUs, but accelerator is 'auto' .* Leave fused away"):
        HDC(_settings(fused=True, accelerator="auto"))
    monkeypatch.setitem(sys.modules, "triton", None)
    with pytest.raises(MissingExtraError, match=r"no package 'triton'.*pip install 'unreel\[fused\]'$"):
        HDC(_settings(fused=True, accelerator="cuda"))


def test_compiled_as_well_is_skipped() -> None:
    with pytest.raises(ValueError, match="fused and compile are two ways of the same: choose one"):
        _settings(fused=True, compile=True)


def test_all_kernels_compile_for_a_gpu(tmp_path: Path) -> None:
    program = Path(__file__).parents[1] / "support" / "kernels_compiled.py"
    own = {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, program], env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2 * (1 + 2 + 4 + 4 + 2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("encoder", ["c3d", "r3d18", "r2plus1d10"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_gpu_gives_the_same_loss(encoder: str, precision: str) -> None:
    losses = []
    for chosen in (False, True):
        torch.manual_seed(0)
        changes = {"encoder": encoder, "clip_length": 16, "width": 0.25, "precision": precision}
        method = HDC(_settings(fused=chosen, compiled_views=chosen, **changes)).cuda()
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16-mixed"):
            loss = method.loss(method(noise_batch().to("cuda"))).total
        gradients = torch.autograd.grad(loss, list(method.parameters()))
        assert all(each.isfinite().all() for each in gradients)
        losses.append(loss.detach())
    torch.testing.assert_close(*losses, atol=0.02 if precision == "32-true" else 0.2, rtol=0)
