"""What must hold of every rival: it starts at chance, learns, and is the same in parts, in processes and resumed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from math import log
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from clips import Clip
from rival_runs import CLASSES, TINY, WITH_QUEUE, batch_of, in_double, method_of, settings_of
from running import pretrain_on
from torch import Tensor, nn

from unreel import methods, models, recipes
from unreel.checkpoint import load_encoder
from unreel.errors import CollectionError, SettingsError
from unreel.models import Encoder
from unreel.planning.counting import encoded_frames
from unreel.settings.pretraining import METHODS, pretraining
from unreel.training import loop
from unreel.training.optimization import sgd
from unreel.types import ClipBatch
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

RIVALS = tuple(recipes.RIVALS)
CONTRASTS = [name for name in RIVALS if recipes.RIVALS[name].family in ("contrast", "prediction")]
SLOW = pytest.mark.slow
OFTEN = ("vcop", "pace-contrast", "rspnet", "dpc", "tclr")
SOME = [name if name in OFTEN else pytest.param(name, marks=SLOW) for name in RIVALS]
"""All of them, most with the slow tests: each of these shows another way of comparing."""


def _detached(outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: each.detach() for name, each in outputs.items()}


def test_every_method_has_a_recipe_and_every_rival_a_method() -> None:
    assert set(METHODS) == {"hdc", *RIVALS}


@pytest.mark.parametrize("encoder", recipes.ENCODERS)
@pytest.mark.parametrize("name", RIVALS)
def test_every_size_with_every_encoder_can_be_built(name: str, encoder: str) -> None:
    for size in ("", "-short", "-small"):
        recipe = (
            recipes.named(f"{name}{size}", encoder) if size != "-small" else f"{recipes.named(name, encoder)}-small"
        )
        settings = pretraining({**recipes.changes(recipe), "folder": "in", "out": "out"}, recipe)
        with torch.device("meta"):
            method = methods.build(settings)
        fits = method.sampling.needed <= 32 or (name, encoder) == ("shuffle-learn", "c3d")
        assert fits or not size
        assert settings.method == name and settings.encoder.clip_length == 16


@pytest.mark.parametrize("name", RIVALS)
def test_the_encoder_begins_with_the_weights_of_untrained(name: str) -> None:
    settings = settings_of(name)
    encoder = method_of(settings).encoder
    torch.manual_seed(settings.seed)
    for own, untrained in zip(encoder.parameters(), models.build_from(settings.encoder).parameters(), strict=True):
        assert torch.equal(own, untrained)


@pytest.mark.parametrize("name", CLASSES)
def test_the_first_loss_is_that_of_guessing(name: str) -> None:
    settings = settings_of(name, batch_size=8)
    method = method_of(settings)
    batch = batch_of(method, settings, 8)
    loss = method.loss(method(batch), watched=True)
    chance = [value.item() for figure, value in loss.figures.items() if figure.startswith("chance/")]
    assert chance == [pytest.approx(1 / CLASSES[name])]
    assert loss.parts["cross_entropy"].item() == pytest.approx(log(CLASSES[name]), abs=0.6)
    for module in method.modules():  # whose answer is then the same for all classes
        if isinstance(module, nn.Linear) and module.out_features in (CLASSES[name], 1):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)
    assert method.loss(method(batch)).parts["cross_entropy"].item() == pytest.approx(log(CLASSES[name]), abs=1e-5)


@pytest.mark.parametrize("name", SOME)
def test_nothing_is_drawn_from_torch_and_all_parameters_act(name: str) -> None:
    settings = settings_of(name, centre=True) if "centre" in type(settings_of(name)).model_fields else settings_of(name)
    method = method_of(settings)
    batch = batch_of(method, settings)
    before = torch.get_rng_state()
    first, again = method(batch), method(batch)
    assert torch.equal(before, torch.get_rng_state())
    assert first.keys() == again.keys() and all(torch.equal(first[each], again[each]) for each in first)
    assert all(len(each) == len(batch) for each in first.values())
    loss = method.loss(first, watched=True)
    loss.total.backward()
    for parameter, value in method.named_parameters():
        assert (value.grad is not None) == value.requires_grad, parameter
        assert value.requires_grad != parameter.startswith("keys."), parameter
    method.updated(_detached(first), 1)
    encoders = [each for each in method.state_dict() if each.startswith("encoder.")]
    assert len(encoders) == len(method.encoder.state_dict())


@pytest.mark.parametrize("name", SOME)
def test_mixed_precision_changes_little(name: str) -> None:
    settings = settings_of(name)
    method = method_of(settings)
    batch = batch_of(method, settings)
    whole = method.loss(method(batch)).total
    with torch.autocast("cpu", torch.bfloat16):
        outputs = method(batch)
        mixed = method.loss(outputs, watched=True).total
        method.updated(_detached(outputs), 1)
    mixed.backward()
    assert mixed.dtype == torch.float32
    assert mixed.item() == pytest.approx(whole.item(), rel=0.1, abs=0.1)
    assert all(each.grad.isfinite().all() for each in method.parameters() if each.requires_grad)


@pytest.mark.parametrize("name", SOME)
def test_an_encoder_is_called_once_for_each_shape(name: str) -> None:
    settings = settings_of(name)
    method = method_of(settings)
    calls: Counter[tuple[int, tuple[int, ...]]] = Counter()
    for number, module in enumerate(each for each in method.modules() if isinstance(each, Encoder)):

        def count(_: nn.Module, given: tuple[Tensor], number: int = number) -> None:
            calls[number, tuple(given[0].shape[1:])] += 1

        module.register_forward_pre_hook(count)
    method(batch_of(method, settings))
    assert set(calls.values()) == {1}


@pytest.mark.parametrize("name", RIVALS)
def test_it_costs_no_more_passes_than_are_counted(name: str) -> None:
    frames = encoded_frames(settings_of(name))
    assert 0 < frames.learnt + frames.followed <= 96
    assert frames.read > 0


@SLOW
@pytest.mark.parametrize("name", RIVALS)
def test_a_fixed_batch_is_learnt(name: str) -> None:
    queue = {"queue": 16, "learning_rate": 0.01} if name in WITH_QUEUE else {}
    rate = {"learning_rate": 0.02} if name == "ccl" else {}
    settings = settings_of(name, batch_size=8, **queue, **rate)
    method = method_of(settings)
    batch, optimizer = batch_of(method, settings, 8), sgd(method, settings)
    losses = []
    for step in range(1, MOST_STEPS.get(name, 60) + 1):
        optimizer.zero_grad()
        outputs = method(batch)
        loss = method.loss(outputs)
        losses.append(loss.total.item())
        loss.total.backward()
        optimizer.step()
        method.updated(_detached(outputs), step)
    if name in CLASSES:
        (right,) = (value for figure, value in loss.figures.items() if figure != "accuracy/clips")
        assert right == 1
    elif name == "byol":  # from 0 towards −1
        assert min(losses) < -0.9
    else:  # a queue is random at first, and its loss rises before it falls
        assert min(losses) < max(losses) / 10


MOST_STEPS = {"statistics": 100, "dpc": 100, "cvrl": 150, "moco": 150, "videomoco": 150, "tclr": 150, "ccl": 150}
MOST_STEPS["rspnet"] = 300


@SLOW
@pytest.mark.parametrize("name", RIVALS)
def test_compiled_views_give_the_same(name: str) -> None:
    losses = []
    for compiled in (False, True):
        settings = settings_of(name, compiled_views=compiled)
        method = method_of(settings)
        losses.append(method.loss(method(batch_of(method, settings))).total.item())
    assert losses[1] == pytest.approx(losses[0], rel=2e-4, abs=1e-4)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("rivals")
    for number in range(8):
        Clip(width=48, height=40, frames=40 + number).write(folder / "videos" / f"{number % 2}" / f"{number}.mp4")
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(38))


def _trained(name: str, manifest: Manifest, out: Path, **changes: Any) -> dict[str, Tensor]:
    queue = {"queue": 16} if name in WITH_QUEUE else {}
    options = {"loader_workers": 0, "checkpoint_every": 0, "knn_every": 0, "steps": 4, "warmup_steps": 2, **queue}
    settings = settings_of(name, **{**options, "folder": manifest.root, "out": out, **changes})
    pretrain_on(settings, manifest)
    load_encoder(out)  # finds one encoder, whatever copies there are
    from safetensors.torch import load_file

    return load_file(out / "weights.safetensors")


@pytest.mark.parametrize("name", SOME)
def test_a_batch_in_parts_is_the_whole_one(name: str) -> None:
    """The loop's own gradients, far from float32's rounding."""
    found = []
    for count in (1, 3):
        settings = settings_of(name, accumulate=count, **({"queue": 8} if name in WITH_QUEUE else {}))
        method = in_double(method_of(settings))
        stub: Any = SimpleNamespace(
            job=SimpleNamespace(method=method),
            settings=settings,
            model=method,
            fabric=SimpleNamespace(backward=lambda loss: loss.backward(), world_size=1),
            _check=lambda *_: None,
            _alone=nullcontext,
        )
        loss, outputs = loop._Training._gradients(stub, 1, batch_of(method, settings), watched=True)
        method.updated(_detached(outputs), 1)
        gradients = {key: each.grad for key, each in method.named_parameters() if each.grad is not None}
        figures = {key: value for key, value in loss.figures.items() if not key.startswith(("rank", "uniformity"))}
        found.append({"total": loss.total, **loss.parts, **figures, **gradients, **dict(method.named_buffers())})
    assert found[0].keys() == found[1].keys()
    for key, value in found[0].items():
        torch.testing.assert_close(
            found[1][key], value, atol=1e-8, rtol=1e-7, msg=lambda text, key=key: f"{key}: {text}"
        )


@contextmanager
def _ended(monkeypatch: pytest.MonkeyPatch, at: int) -> Iterator[None]:
    step = loop._Training.step

    def ending(self: Any, number: int, batch: ClipBatch, *, watched: bool) -> object:
        if number == at:
            raise InterruptedError
        return step(self, number, batch, watched=watched)

    with monkeypatch.context() as patch:
        patch.setattr(loop._Training, "step", ending)
        yield


@SLOW
@pytest.mark.parametrize("name", RIVALS)
def test_resumed_is_unbroken(name: str, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _trained(name, manifest, tmp_path / "whole", checkpoint_every=1)
    with _ended(monkeypatch, 3), pytest.raises(InterruptedError):
        _trained(name, manifest, tmp_path / "broken", checkpoint_every=1)
    broken = _trained(name, manifest, tmp_path / "broken", checkpoint_every=1)
    assert all(torch.equal(broken[key], value) for key, value in whole.items())


@pytest.mark.parametrize("name", [*CONTRASTS])
def test_statistics_of_a_batch_would_leak(name: str) -> None:
    with pytest.raises(SettingsError, match=f"norm is batch, whose statistics would tell {name} which clips"):
        settings_of(name, norm="batch")


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("vcop", {"piece_length": 4, "encoder": "c3d"}, "C3D cannot encode clips of 4 frames"),
        ("dpc", {"predicted": 4}, "predicted is 4 of 4 blocks; leave one at least to be seen"),
        ("tclr", {"clip_length": 24}, r"tclr shows 24 frames \(--clip-length\) over 4 parts of 8"),
        ("cloze", {"piece_length": 6}, r"piece_length 6. Give an even --size and a --piece-length that is a multiple"),
        ("pace", {"paces": 1}, "paces: got 1"),
        ("pace", {"pace": 3}, "pace: no such setting; did you mean paces"),
        ("rotnet", {"batch_size": 1}, "batch_size: got 1"),
        ("moco", {"momentum_copy": 1.0}, "momentum_copy: got 1.0"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_prepared(
    name: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message), torch.device("meta"):
        methods.build(settings_of(name, **changes))


def test_videos_that_are_too_short_are_left_out_with_the_reason(manifest: Manifest, tmp_path: Path) -> None:
    short = {"folder": manifest.root, "out": tmp_path / "run", "loader_workers": 0}
    with pytest.raises(CollectionError, match=r"holds 0 videos of at least 61 frames \(8 files left out"):
        pretrain_on(settings_of("pace", piece_length=16, **short), manifest)
    settings = settings_of("rotnet", min_frames=44, steps=0, **short)
    pretrain_on(settings, manifest)
    left_out = (tmp_path / "run" / "videos.json").read_text()
    assert left_out.count("44 are needed") == 4


def test_a_schedule_over_the_steps_keeps_them(manifest: Manifest, tmp_path: Path) -> None:
    _trained("moco", manifest, tmp_path / "run", steps=2)
    with pytest.raises(SettingsError, match=r"a run of other settings"):
        _trained("moco", manifest, tmp_path / "run", steps=3)
    _trained("rspnet", manifest, tmp_path / "other", steps=2)
    _trained("rspnet", manifest, tmp_path / "other", steps=3)
    assert TINY["batch_size"] == 4
