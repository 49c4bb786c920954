"""SGD as Keras means it, against a loop written from Keras's definition."""

from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from unreel.losses import infonce
from unreel.settings.hdc import HDCSettings
from unreel.training.optimization import learning_rate, restore, set_learning_rate, sgd


def _settings(**changes: object) -> HDCSettings:
    return HDCSettings.model_validate({"folder": "in", "out": "out", **changes})


def test_l2_is_the_gradient_of_keras_penalty_and_spares_biases() -> None:
    layer = nn.Linear(3, 2)
    before = {name: each.detach().clone() for name, each in layer.named_parameters()}
    optimizer = sgd(layer, _settings(learning_rate=0.5, l2=0.01, momentum=0.0))
    for each in layer.parameters():
        each.grad = torch.zeros_like(each)
    optimizer.step()
    penalised = before["weight"].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(0.01 * (penalised**2).sum(), penalised)  # λ·Σw²
    torch.testing.assert_close(layer.weight, before["weight"] - 0.5 * gradient)
    torch.testing.assert_close(layer.bias, before["bias"])


def _learnt(reduction: Literal["mean", "sum"], **changes: float) -> Tensor:
    """The weights of a layer after four steps with the contrast of eight clips."""
    clips = torch.randn(2, 8, 1, 5, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    layer = nn.Linear(5, 4)
    optimizer = sgd(layer, _settings(**changes))
    for _ in range(4):
        optimizer.zero_grad()
        infonce(layer(clips[0]), layer(clips[1]), reduction=reduction).loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return layer.weight.detach()


@pytest.mark.parametrize(("rate", "l2", "same"), [(0.1 / 8, 0.08, True), (0.1, 0.08, False), (0.1 / 8, 0.01, False)])
def test_the_sum_over_the_batch_is_the_mean_of_another_rate_and_penalty(rate: float, l2: float, same: bool) -> None:
    mean, summed = _learnt("mean", learning_rate=0.1, l2=0.01), _learnt("sum", learning_rate=rate, l2=l2)
    assert torch.allclose(mean, summed, atol=1e-5) == same


@pytest.mark.parametrize(("warmup", "expected"), [(0, [0.1, 0.05, 0.1 / 3]), (2, [0.05, 0.05, 0.1 / 3])])
def test_decay(warmup: int, expected: list[float]) -> None:
    settings = _settings(learning_rate=0.1, decay=1.0, warmup_steps=warmup)
    assert [learning_rate(settings, updates) for updates in range(3)] == pytest.approx(expected)


def test_cosine_falls_from_the_rate_to_nothing_at_the_last_step() -> None:
    settings = _settings(learning_rate=0.2, decay=1.0, schedule="cosine", steps=4)
    half = 0.5**0.5
    expected = [0.2, 0.1 * (1 + half), 0.1, 0.1 * (1 - half), 0.0]
    assert [learning_rate(settings, updates) for updates in range(5)] == pytest.approx(expected)
    assert learning_rate(_settings(schedule="cosine", steps=0), 0) == pytest.approx(0.1)


def test_every_group_has_its_own_factor_on_the_rate() -> None:
    layers = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2).requires_grad_(False))
    optimizer = sgd(layers, _settings(), lambda name: 0.5 if name.startswith("0") else 1.0)
    set_learning_rate(optimizer, 0.2)
    rates = {id(each): group["lr"] for group in optimizer.param_groups for each in group["params"]}
    assert rates == {id(each): 0.1 if name[0] == "0" else 0.2 for name, each in layers[:2].named_parameters()}


@pytest.mark.parametrize("keras_momentum", [False, True])
def test_momentum_while_the_rate_changes(keras_momentum: bool) -> None:
    settings = _settings(learning_rate=0.1, decay=0.5, momentum=0.9, l2=0.0, keras_momentum=keras_momentum)
    layer = nn.Linear(1, 1, bias=False)
    optimizer = sgd(layer, settings)
    weight, velocity = layer.weight.item(), 0.0
    for update in range(5):
        gradient, rate = float(update + 1), 0.1 / (1 + 0.5 * update)
        if keras_momentum:  # tf.keras.optimizers.SGD: velocity = momentum * velocity - rate * gradient
            velocity = 0.9 * velocity - rate * gradient
            weight += velocity
        else:
            velocity = 0.9 * velocity + gradient
            weight -= rate * velocity
        layer.weight.grad = torch.full((1, 1), gradient)
        set_learning_rate(optimizer, learning_rate(settings, update))
        optimizer.step()
        assert layer.weight.item() == pytest.approx(weight, abs=1e-6)


def test_a_state_is_laid_out_as_the_weights_are() -> None:
    layer = nn.Conv3d(2, 3, 3).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimizer = sgd(layer, _settings())
    buffer = torch.randn(3, 2, 3, 3, 3)
    state = optimizer.state_dict()
    state["state"] = {0: {"momentum_buffer": buffer}, 1: {"momentum_buffer": torch.zeros(3)}}
    restore(optimizer, state)
    found = optimizer.state[layer.weight]["momentum_buffer"]
    assert torch.equal(found, buffer)
    assert found.stride() == layer.weight.stride() != buffer.stride()
