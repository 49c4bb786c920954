"""The paper's optimiser: SGD as Keras means it (Sec. 3.3)."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from unreel.errors import CheckpointError
from unreel.settings.training import TrainingSettings

_NEEDED = {"lr", "momentum", "weight_decay", "factor"}


def sgd(module: nn.Module, settings: TrainingSettings, factor: Callable[[str], float] = lambda _: 1.0) -> SGD:
    """SGD with Keras's L2 on kernels only; weights that need no gradient are left out.

    With `fused` one kernel updates all weights, but where gradients are scaled. `factor` gives a parameter's own factor
    on the learning rate, by its name.

    Keras adds λ·Σw² to the loss, torch's weight decay adds w/2 per unit to the gradient's potential: weight_decay = 2λ.
    Biases and norm scales, all of one dimension, are left alone. With `keras_momentum` the learning rate of its time
    stays inside the velocity (v ← m·v − lr·g, w ← w + v); torch's applies the newest rate to all of it.
    """
    groups: dict[tuple[bool, float], dict[str, Any]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            kernel, own = parameter.ndim > 1, factor(name)
            decay = 2 * settings.l2 if kernel else 0.0
            group = groups.setdefault((kernel, own), {"params": [], "weight_decay": decay, "factor": own})
            group["params"].append(parameter)
    ordered = [groups[key] for key in sorted(groups, reverse=True)]
    fused = settings.fused and settings.precision != "16-mixed"
    optimizer = SGD(ordered, settings.learning_rate, settings.momentum, fused=fused or None)
    if settings.keras_momentum:
        optimizer.register_step_pre_hook(_keep_rate_in_velocity)
    return optimizer


def restore(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Load a state, laid out in memory as the weights are: kernels for all of them at once ask for it.

    Raises:
        CheckpointError: it is not that of these weights.
    """
    if not _fits(optimizer, state):
        raise CheckpointError(
            "the velocities of the checkpoint are not those of this model: another version of unreel wrote it? Resume "
            "from the one before it with --resume previous, or write to another folder."
        )
    optimizer.load_state_dict(state)
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                values[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _fits(optimizer: Optimizer, state: dict[str, Any]) -> bool:
    ours, theirs = optimizer.param_groups, state["param_groups"]
    shapes = [each.shape for group in ours for each in group["params"]]
    numbers = iter(range(len(shapes)))
    if [each.get("params") for each in theirs] != [[next(numbers) for _ in each["params"]] for each in ours]:
        return False
    return all(_NEEDED & own.keys() <= each.keys() for own, each in zip(ours, theirs, strict=True)) and all(
        number < len(shapes) and (not isinstance(value, Tensor) or value.shape in (shapes[number], ()))
        for number, values in state["state"].items()
        for value in values.values()
    )


def _keep_rate_in_velocity(optimizer: Optimizer, *_: object) -> None:
    # torch's buffer u stands for Keras's velocity v = −lr·u: when lr changes, u must change inversely for v to stay.
    for group in optimizer.param_groups:
        ratio = group.get("rate_in_velocity", group["lr"]) / group["lr"]
        group["rate_in_velocity"] = group["lr"]
        buffers = (optimizer.state[each].get("momentum_buffer") for each in group["params"])
        for buffer in buffers:
            if buffer is not None:
                buffer.mul_(ratio)


def learning_rate(settings: TrainingSettings, updates: int) -> float:
    """The learning rate after so many updates, rising linearly over `warmup_steps`.

    "keras" is lr / (1 + decay · updates), "cosine" lr · (1 + cos(π · updates / steps)) / 2 (Loshchilov and Hutter,
    ICLR 2017, without restarts). A function of the step and of nothing else: a resumed run cannot have another.
    """
    warmup = min(1.0, (updates + 1) / settings.warmup_steps) if settings.warmup_steps else 1.0
    if settings.schedule == "cosine":
        return settings.learning_rate * warmup * (1 + math.cos(math.pi * updates / max(settings.steps, 1))) / 2
    return settings.learning_rate * (warmup / (1 + settings.decay * updates))


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Give every group its rate: `rate` times the group's own factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
