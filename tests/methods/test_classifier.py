"""The classifier: what it computes, what is frozen, and chance that only seed, epoch and video decide."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from batches import noise_batch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, distributed
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from unreel.errors import SettingsError
from unreel.methods import Method
from unreel.methods.classifier import Classifier
from unreel.settings.finetuning import FinetuneSettings
from unreel.types import ClipBatch

ENCODERS = ("c3d", "r3d18", "r2plus1d10")
CLASSES = tuple("abcdefg")
LABELS = {f"{number}.mp4": CLASSES[number * 3 % 7] for number in range(16)}
NO_COLOURS = {"colour_jitter": False, "channel_replication": False}
NO_CHANCE = {
    "augmentation": dict.fromkeys(("crop", "scale_jitter", "flip", "colour_jitter", "channel_replication"), False)
}


def _settings(**changes: object) -> FinetuneSettings:
    values: dict[str, object] = {"folder": "in", "out": "out", "width": 0.0625, "size": 32, "batch_size": 4}
    return FinetuneSettings.model_validate(values | changes)


def _classifier(**changes: object) -> Classifier:
    torch.manual_seed(0)
    return Classifier(_settings(**changes), CLASSES, LABELS)


def _part(batch: ClipBatch, rows: list[int]) -> ClipBatch:
    """Some videos of a batch, one clip of each."""
    ids = tuple(batch.ids[row] for row in rows)
    return replace(batch, luma=batch.luma[rows, :1], chroma=batch.chroma[rows, :1], to_rgb=batch.to_rgb[rows], ids=ids)


def _batch(count: int = 4, frames: int = 16) -> ClipBatch:
    return _part(noise_batch(count, frames), list(range(count)))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_logits_are_a_linear_map_of_the_mean_of_level_five(encoder: str) -> None:
    classifier, batch = _classifier(encoder=encoder, dropout=0.0), _batch()
    assert isinstance(classifier, Method)
    outputs = classifier(batch)
    maps = classifier.encoder(classifier.view(batch))[5]
    weight, bias = classifier.linear.weight, classifier.linear.bias
    for row, identity in enumerate(batch.ids):
        cells = maps[row].flatten(1).T
        expected = torch.stack([cell @ weight.T + bias for cell in cells]).mean(dim=0)  # the other order of the two
        torch.testing.assert_close(outputs["logits"][row], expected, atol=1e-5, rtol=1e-5)
        assert CLASSES[int(outputs["targets"][row])] == LABELS[identity]


@given(seed=st.integers(0, 99), rows=st.integers(1, 9))
def test_the_loss_is_the_mean_cross_entropy(seed: int, rows: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, 7, generator=generator) * 3
    targets = torch.randint(7, (rows,), generator=generator)
    loss = _LOSS({"logits": logits, "targets": targets}, watched=True)
    total, first, among_five = 0.0, 0, 0
    for row, target in zip(logits.double().tolist(), targets.tolist(), strict=True):
        total -= math.log(math.exp(row[target]) / sum(map(math.exp, row)))
        better = sum(value > row[target] for value in row)
        first, among_five = first + (better == 0), among_five + (better < 5)
    assert loss.total.item() == pytest.approx(total / rows, rel=1e-5)
    assert loss.parts["cross_entropy"].item() == pytest.approx(total / rows, rel=1e-5)
    assert loss.figures["accuracy/top1"].item() == pytest.approx(first / rows)
    assert loss.figures["accuracy/top5"].item() == pytest.approx(among_five / rows)


_LOSS = _classifier().loss


def test_only_what_is_watched_and_says_something_is_measured() -> None:
    outputs = {"logits": torch.randn(3, 7), "targets": torch.tensor([0, 1, 2])}
    assert set(_LOSS(outputs).figures) == {"accuracy/top1"}
    few = Classifier(_settings(), CLASSES[:5], {})
    assert set(few.loss(outputs, watched=True).figures) == {"accuracy/top1"}


def test_the_loss_is_computed_in_float32_under_mixed_precision() -> None:
    outputs = {"logits": torch.randn(3, 7).bfloat16(), "targets": torch.tensor([0, 1, 2])}
    with torch.autocast("cpu", torch.bfloat16):
        loss = _LOSS(outputs).total
    exact = _LOSS({"logits": outputs["logits"].float(), "targets": outputs["targets"]}).total
    assert loss.dtype == torch.float32
    assert torch.equal(loss, exact)


def test_the_view_is_cropped_scaled_and_mirrored_but_keeps_its_colours() -> None:
    batch = _batch()
    grey = replace(batch, luma=torch.full_like(batch.luma, 90), chroma=torch.full_like(batch.chroma, 40))
    colours = _classifier().view(grey)
    assert (colours.amax(dim=(0, 2, 3, 4)) - colours.amin(dim=(0, 2, 3, 4))).max() < 1e-4  # one, whatever was drawn
    drawn, plain = _classifier().view(batch), _classifier(**NO_CHANCE).view(batch)
    assert drawn.shape == (4, 3, 16, 32, 32)
    assert not torch.equal(drawn, plain)
    assert not torch.equal(drawn, _classifier().view(replace(batch, epoch=1)))
    assert torch.equal(plain, _classifier(**NO_CHANCE).view(replace(batch, epoch=1)))


def test_dropout_is_drawn_from_seed_epoch_and_video_alone() -> None:
    classifier, batch = _classifier(**NO_CHANCE), _batch()
    before = torch.get_rng_state()
    whole = classifier(batch)["logits"]
    assert torch.equal(whole, classifier(batch)["logits"])
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(classifier(_part(batch, [2, 0]))["logits"], whole[[2, 0]], atol=1e-5, rtol=1e-5)
    for other in (classifier(replace(batch, epoch=1)), _classifier(seed=1, **NO_CHANCE)(batch)):
        assert not torch.allclose(other["logits"], whole, atol=1e-3)


def test_dropout_leaves_out_its_share_of_the_features_and_raises_the_others() -> None:
    classifier, epochs = _classifier(dropout=0.25, **NO_CHANCE), 60
    classifier.linear = torch.nn.Linear(32, 32)
    with torch.no_grad():
        classifier.linear.weight.copy_(torch.eye(32))
        classifier.linear.bias.zero_()
        seen = torch.stack([classifier(replace(_batch(), epoch=epoch))["logits"] for epoch in range(epochs)])
        features = classifier.eval()(_batch())["logits"]
    there = features != 0  # behind a ReLU
    kept = (seen != 0)[:, there]
    assert kept.double().mean().item() == pytest.approx(0.75, abs=0.03)
    expected = (features / 0.75).expand_as(seen)[:, there]
    torch.testing.assert_close(seen[:, there][kept], expected[kept], atol=1e-5, rtol=1e-5)


BLOCKS = {
    "c3d": {"block1": 1, "block2": 2, "block3": 3, "block4": 4, "block5": 5},
    "r3d18": {"stem": 1, "norm": 1, "block2": 2, "block3": 3, "block4": 4, "block5": 5},
    "r2plus1d10": {"stem": 1, "norm": 1, "block2": 2, "block3": 3, "block4": 4, "block5": 5},
}


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("frozen", [0, 1, 3, 5])
def test_frozen_blocks_learn_nothing_and_the_others_do(encoder: str, frozen: int) -> None:
    classifier = _classifier(encoder=encoder, frozen_levels=frozen, norm="batch")
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    classifier.train()
    optimizer = torch.optim.SGD([each for each in classifier.parameters() if each.requires_grad], lr=1.0)
    classifier.loss(classifier(_batch())).total.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    for name, value in classifier.state_dict().items():
        part = name.removeprefix("encoder.").split(".")[0]
        same = torch.equal(value, before[name])
        if part != "linear" and BLOCKS[encoder][part] <= frozen:
            assert same, f"{name} is frozen"
        elif name.endswith(("running_mean", "num_batches_tracked", "linear.weight")):
            assert not same, f"{name} is not frozen"
    learning = {name.split(".")[1] for name, each in classifier.encoder.named_parameters("e") if each.grad is not None}
    assert learning == {part for part, block in BLOCKS[encoder].items() if block > frozen}


def test_a_frozen_encoder_is_that_of_five_frozen_levels() -> None:
    probe = _classifier(frozen=True, norm="batch")
    assert [name for name, each in probe.named_parameters() if each.requires_grad] == ["linear.weight", "linear.bias"]
    assert not any(module.training for block in probe.encoder.children() for module in block.modules())
    assert probe(_batch())["logits"].requires_grad


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_learning_rate_falls_from_block_to_block(encoder: str) -> None:
    classifier = _classifier(encoder=encoder, layer_decay=0.5)
    for name, _ in classifier.named_parameters():
        part = name.split(".")[1]
        expected = 1.0 if name.startswith("linear") else 0.5 ** (6 - BLOCKS[encoder][part])
        assert classifier.rate_factor(name) == expected
        assert _PLAIN.rate_factor(name) == 1.0


_PLAIN = _classifier()


def test_probabilities_are_the_softmax_without_dropout() -> None:
    classifier, clips = _classifier(), _classifier().view(_batch())
    logits = classifier.linear(classifier.encoder(clips)[5].mean(dim=(2, 3, 4)))
    expected = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    torch.testing.assert_close(classifier.probabilities(clips), expected.detach(), atol=1e-5, rtol=1e-5)


def test_clips_too_small_for_the_encoder_are_refused_at_once() -> None:
    with pytest.raises(SettingsError, match="C3D cannot encode clips of 4 frames of 32×32 pixels: it needs at least 8"):
        _classifier(encoder="c3d", clip_length=4)


def test_some_steps_tell_four_videos_apart() -> None:
    batch = _batch(frames=8)
    stripes = torch.stack([((torch.arange(36) // width) % 2) * 200 + 20 for width in (1, 3, 6, 12)]).byte()
    grey = torch.full_like(batch.chroma, 128)
    batch = replace(batch, luma=stripes[:, None, None, None].expand_as(batch.luma).contiguous(), chroma=grey)
    classifier = _classifier(width=0.25, augmentation={"scale_jitter": False, **NO_COLOURS})
    optimizer = torch.optim.Adam(classifier.parameters(), lr=1e-3)
    for epoch in range(60):
        optimizer.zero_grad()
        classifier.loss(classifier(replace(batch, epoch=epoch))).total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    classifier.eval()
    loss = classifier.loss(classifier(replace(batch, epoch=99)))
    assert loss.figures["accuracy/top1"].item() == 1.0
    assert loss.total.item() < 0.3


def _results(rows: list[int], parallel: bool) -> dict[str, Tensor]:
    """The loss, its figures and the gradient of every parameter, in float64: far from rounding."""
    classifier = _classifier(encoder="r2plus1d10", frozen_levels=1).double()
    classifier.encoder.register_forward_pre_hook(lambda _, clips: (clips[0].double(),))
    model = DistributedDataParallel(classifier) if parallel else classifier
    loss = classifier.loss(model(_part(_batch(8, frames=8), rows)), watched=True)
    loss.total.backward()  # type: ignore[no-untyped-call]
    gradients = {name: each.grad for name, each in classifier.named_parameters() if each.grad is not None}
    return {"total": loss.total.detach(), **loss.parts, **loss.figures, **gradients}


def _process(rank: int, world: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=world)
    own = list(range(rank * 8 // world, (rank + 1) * 8 // world))
    torch.save(_results(own, parallel=True), f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    spawn(_process, (2, str(tmp_path)), nprocs=2)  # type: ignore[no-untyped-call]
    whole = _results(list(range(8)), parallel=False)
    for rank in range(2):
        shared: dict[str, Tensor] = torch.load(tmp_path / f"{rank}.pt")
        assert shared.keys() == whole.keys()
        for name, expected in whole.items():
            torch.testing.assert_close(shared[name], expected, atol=1e-9, rtol=1e-9, msg=f"{name}, process {rank}")


def test_standardised_features_have_mean_0_and_spread_1_over_the_batch() -> None:
    plain, classifier, batch = _classifier(), _classifier(standardise=True), _batch()
    clips = classifier.view(batch)
    raw = plain.encoder(clips)[5].mean(dim=(2, 3, 4))
    features = classifier._features(clips)
    expected = (raw - raw.mean(dim=0)) / (raw.var(dim=0, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-4)
    for _ in range(200):  # what a test goes by has come to those of the batch
        classifier._features(clips)
    classifier.eval()
    tested = (raw - raw.mean(dim=0)) / (raw.var(dim=0) + 1e-5).sqrt()
    torch.testing.assert_close(classifier._features(clips), tested, rtol=1e-3, atol=1e-3)
    assert not any(name.startswith("standardised") for name in plain.state_dict())


def test_standardising_parts_of_a_batch_is_skipped() -> None:
    with pytest.raises(ValueError, match="standardise is on with accumulate 2"):
        _settings(standardise=True, accumulate=2)
