"""The paper's optimiser: SGD as Keras means it (Sec. 3.3)."""

from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from unreel.settings.pretraining import PretrainSettings


def sgd(module: nn.Module, settings: PretrainSettings) -> SGD:
    """SGD with Keras's L2 on kernels only.

    Keras adds λ·Σw² to the loss, torch's weight decay adds w/2 per unit to the gradient's potential: weight_decay = 2λ.
    Biases and norm scales, all of one dimension, are left alone. With `keras_momentum` the learning rate of its time
    stays inside the velocity (v ← m·v − lr·g, w ← w + v); torch's applies the newest rate to all of it.
    """
    parameters = list(module.parameters())
    kernels = {"params": [each for each in parameters if each.ndim > 1], "weight_decay": 2 * settings.l2}
    others = {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0.0}
    optimizer = SGD([kernels, others], lr=settings.learning_rate, momentum=settings.momentum)
    if settings.keras_momentum:
        optimizer.register_step_pre_hook(_keep_rate_in_velocity)
    return optimizer


def _keep_rate_in_velocity(optimizer: Optimizer, *_: object) -> None:
    # torch's buffer u stands for Keras's velocity v = −lr·u: when lr changes, u must change inversely for v to stay.
    for group in optimizer.param_groups:
        ratio = group.get("rate_in_velocity", group["lr"]) / group["lr"]
        group["rate_in_velocity"] = group["lr"]
        buffers = (optimizer.state[each].get("momentum_buffer") for each in group["params"])
        for buffer in buffers:
            if buffer is not None:
                buffer.mul_(ratio)


def keras_decay(optimizer: SGD, settings: PretrainSettings) -> LambdaLR:
    """lr_i = lr / (1 + decay · i), i = updates done; rising linearly over the first `warmup_steps`."""

    def factor(updates: int) -> float:
        warmup = min(1.0, (updates + 1) / settings.warmup_steps) if settings.warmup_steps else 1.0
        return warmup / (1 + settings.decay * updates)

    return LambdaLR(optimizer, factor)
