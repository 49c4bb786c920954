"""SGD as Keras means it, against a loop written from Keras's definition."""

import pytest
import torch
from torch import nn

from unreel.settings.pretraining import PretrainSettings
from unreel.training.optimization import keras_decay, sgd


def _settings(**changes: object) -> PretrainSettings:
    return PretrainSettings.model_validate({"folder": "in", "out": "out", **changes})


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


@pytest.mark.parametrize(("warmup", "expected"), [(0, [0.1, 0.05, 0.1 / 3]), (2, [0.05, 0.05, 0.1 / 3])])
def test_decay(warmup: int, expected: list[float]) -> None:
    settings = _settings(learning_rate=0.1, decay=1.0, warmup_steps=warmup)
    optimizer = sgd(nn.Linear(1, 1), settings)
    schedule = keras_decay(optimizer, settings)
    rates = []
    for _ in expected:
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx(expected)


@pytest.mark.parametrize("keras_momentum", [False, True])
def test_momentum_while_the_rate_changes(keras_momentum: bool) -> None:
    settings = _settings(learning_rate=0.1, decay=0.5, momentum=0.9, l2=0.0, keras_momentum=keras_momentum)
    layer = nn.Linear(1, 1, bias=False)
    optimizer = sgd(layer, settings)
    schedule = keras_decay(optimizer, settings)
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
        optimizer.step()
        schedule.step()
        assert layer.weight.item() == pytest.approx(weight, abs=1e-6)
