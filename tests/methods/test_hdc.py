"""HDC as a whole: views, projections, gradients, the named weights."""

import sys
from dataclasses import replace
from unittest.mock import Mock

import pytest
import torch
from batches import noise_batch
from torch import Tensor
from torch.nn import functional

from unreel.augment import numba_views
from unreel.errors import SettingsError
from unreel.losses import hdnce, infonce
from unreel.methods.hdc import HDC
from unreel.settings.hdc import HDCSettings

SIDE = 36
STEPS = 30
SWITCHED_OFF = dict.fromkeys(("crop", "scale_jitter", "flip", "colour_jitter", "channel_replication"), False)


def _settings(**changes: object) -> HDCSettings:
    values: dict[str, object] = {"folder": "in", "out": "out", "width": 0.0625, "size": 32, "batch_size": 4}
    return HDCSettings.model_validate(values | changes)


def _method(**changes: object) -> HDC:
    torch.manual_seed(0)
    return HDC(_settings(**changes))


def test_views_o_and_s_show_the_first_clip_and_t_the_second() -> None:
    method, batch = _method(augmentation=SWITCHED_OFF), noise_batch()
    views = {name: method.view(batch, name) for name in "ost"}
    assert torch.equal(views["o"], views["s"])
    assert not torch.equal(views["o"], views["t"])
    assert views["o"].shape == (4, 3, 16, 32, 32)


def test_views_are_drawn_apart() -> None:
    method, batch = _method(), noise_batch()
    assert not torch.equal(method.view(batch, "o"), method.view(batch, "s"))


def test_mixed_precision_reaches_neither_the_pixels_nor_the_similarities() -> None:
    method, batch = _method(), noise_batch()
    vectors = torch.randn(2, 6, 1, 128, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        view, loss = method.view(batch, "o"), infonce(vectors[0], vectors[1]).loss
        assert method.loss(method(batch)).total.dtype == torch.float32
    assert torch.equal(view, method.view(batch, "o"))
    torch.testing.assert_close(loss, infonce(vectors[0].float(), vectors[1].float()).loss)


@pytest.mark.parametrize("encoder", ["c3d", "r3d18", "r2plus1d10"])
def test_the_loss_is_that_of_views_encoded_one_by_one(encoder: str) -> None:
    method, batch = _method(encoder=encoder), noise_batch()
    pyramids = {name: method.encoder(method.view(batch, name)) for name in "ost"}

    def project(view: str, level: int, dims: tuple[int, ...]) -> Tensor:
        # projecting every cell and then averaging: the other order of the method's own, equal because both are linear
        cells = pyramids[view][level].movedim(1, -1)
        vectors: Tensor = method.projections[f"{view}{level}"](cells).mean(dim=dims)
        return vectors

    spatial = {k: (project("o", k, (2, 3)), project("s", k, (2, 3))) for k in (3, 4, 5)}
    temporal = {k: (project("o", k, (1, 2, 3)), project("t", k, (1, 2, 3))) for k in (3, 4, 5)}
    expected = hdnce(spatial, temporal, alpha=method.alpha, beta=method.beta)
    loss = method.loss(method(batch))
    torch.testing.assert_close(loss.total, expected.total, atol=1e-4, rtol=1e-4)
    assert set(loss.parts) == set(expected.parts)


@pytest.mark.parametrize("encoder", ["c3d", "r3d18", "r2plus1d10"])
def test_every_parameter_learns_and_nearly_the_same_in_mixed_precision(encoder: str) -> None:
    gradients = []
    for mixed in (False, True):
        method = _method(encoder=encoder)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            loss = method.loss(method(noise_batch()))
        loss.total.backward()  # type: ignore[no-untyped-call]
        assert [name for name, each in method.named_parameters() if each.grad is None] == []
        gradients.append(torch.cat([each.grad.flatten() for each in method.parameters() if each.grad is not None]))
    exact, lower = gradients
    assert functional.cosine_similarity(exact, lower, dim=0) > 0.6  # 0.76 and more; noise through many thin layers


def test_what_is_watched_adds_figures_and_changes_no_loss() -> None:
    method, batch = _method(beta=(0.0, 0.0, 0.0)), noise_batch()
    outputs = method(batch)
    plain, watched = method.loss(outputs), method.loss(outputs, watched=True)
    assert torch.equal(plain.total, watched.total)
    added = watched.figures.keys() - plain.figures.keys()
    assert added == {f"{figure}/spatial_{k}" for figure in ("alignment", "uniformity", "rank") for k in (3, 4, 5)}


def test_the_temporal_view_can_be_a_plain_crop_and_channels_drawn_per_frame() -> None:
    batch = noise_batch()
    plain = _method(augmentation={"in_temporal_contrast": False})
    assert torch.equal(plain.view(batch, "t"), _method(augmentation=SWITCHED_OFF).view(batch, "t"))
    assert torch.equal(plain.view(batch, "o"), _method().view(batch, "o"))
    every = _method(augmentation={"channel_replication_per_frame": True, "channel_replication_probability": 1.0})
    assert torch.equal(every.view(batch, "o")[:, 0], every.view(batch, "o")[:, 1])
    assert not torch.equal(every.view(batch, "o"), _method().view(batch, "o"))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="jaxtyping for Python 3.10 wraps what numba compiles")
def test_compiled_views_give_the_same_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    shared_out = Mock(wraps=numba_views._share_out)
    monkeypatch.setattr(numba_views, "_share_out", shared_out)
    losses = []
    for chosen in (False, True):
        method, batch = _method(accelerator="cpu", size=48, compiled_views=chosen), noise_batch()
        losses.append(method.loss(method(batch)).total)
    torch.testing.assert_close(*losses, atol=1e-4, rtol=1e-4)
    counts = [call.args[1] for call in shared_out.call_args_list]
    assert counts == 3 * [4, 4 * 16]  # of every view the means of the clips, then their frames


def test_clips_too_small_for_the_encoder_are_refused_at_once() -> None:
    with pytest.raises(SettingsError, match="C3D cannot encode clips of 4 frames of 32×32 pixels: it needs at least 8"):
        _method(encoder="c3d", clip_length=4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("encoder", ["c3d", "r3d18", "r2plus1d10"])
def test_a_gpu_gives_the_same_loss(encoder: str) -> None:
    method, batch = _method(encoder=encoder), noise_batch()
    expected = method.loss(method(batch))
    loss = method.cuda().loss(method(batch.to("cuda")), watched=True)
    assert all(value.is_cuda for value in (loss.total, *loss.parts.values(), *loss.figures.values()))
    torch.testing.assert_close(loss.total.cpu(), expected.total, atol=2e-2, rtol=0)  # TF32 rounds within convolutions


@pytest.mark.parametrize(
    ("alpha", "beta", "projections"),
    [
        ((0.0, 0.0, 1.0), (0.0, 0.0, 0.0), {"o5", "s5"}),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), {"o5", "t5"}),
        ((0.0, 0.5, 1.0), (0.0, 0.5, 1.0), {"o4", "s4", "t4", "o5", "s5", "t5"}),
    ],
)
def test_only_what_has_a_weight_is_built(
    alpha: tuple[float, ...], beta: tuple[float, ...], projections: set[str]
) -> None:
    method = _method(alpha=alpha, beta=beta)
    assert set(method.projections) == projections
    assert method.loss(method(noise_batch())).total.isfinite()


def test_a_few_steps_tell_four_videos_apart() -> None:
    # four videos of stripes, of another width each; the batch of noise above has nothing that its two clips share
    method, batch = _method(width=0.25, alpha=(0.0, 1.0, 0.0), beta=(0.0, 1.0, 0.0)), noise_batch()
    stripes = torch.stack([((torch.arange(SIDE) // width) % 2) * 200 + 20 for width in (1, 3, 6, 12)]).byte()
    grey = torch.full_like(batch.chroma, 128)
    batch = replace(batch, luma=stripes[:, None, None, None].expand_as(batch.luma).contiguous(), chroma=grey)
    optimizer = torch.optim.Adam(method.parameters(), lr=2e-3)
    first = method.loss(method(batch)).total.item()
    for _ in range(STEPS):
        loss = method.loss(method(batch)).total
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert method.loss(method(batch)).total.item() < 0.3 * first
