"""What a step asks for: operations from the encoder's own layers on shapes alone, frames from a tiny step."""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from unreel import methods, models
from unreel.errors import SettingsError
from unreel.models import Encoder
from unreel.planning.model import StepWork
from unreel.rng import draws_of
from unreel.settings.encoder import ENCODERS, EncoderSettings
from unreel.settings.hdc import HDCSettings
from unreel.settings.pretraining import PretrainSettings
from unreel.types import ClipBatch, Pyramid

LEVELS = (3, 4, 5)
_TINY, _TINY_SIZE = 0.0625, 32


@dataclass(frozen=True)
class EncodedFrames:
    """Frames per video and step: that encoders are shown with gradient, and without (copies), and that are read."""

    learnt: float
    followed: float
    read: float

    def clips(self, settings: EncoderSettings) -> float:
        """As clips of the encoder that are learnt from; a third of that is the forward pass."""
        return (self.learnt + self.followed / 3) / settings.clip_length


@lru_cache(maxsize=256)
def encoded_frames(settings: PretrainSettings) -> EncodedFrames:
    """What a method's encoders are shown, counted in a step of two black videos at a tiny size.

    Raises:
        SettingsError: the method or the encoder does not exist with these settings.
    """
    encoder = settings.encoder
    own = {"width": min(encoder.width, _TINY)} if encoder.name in ENCODERS else {}
    size = min(encoder.size, 2 * ceil(max(_TINY_SIZE, *_meta_encoder(encoder).minimum[1:]) / 2))
    tiny = encoder.model_copy(update={**own, "size": size})
    plain = {"fused": False, "compiled_views": False, "accelerator": "cpu", "precision": "32-true"}
    counted = {True: 0, False: 0}

    def count(_: nn.Module, given: tuple[Tensor]) -> None:
        counted[torch.is_grad_enabled()] += given[0].shape[0] * given[0].shape[2]

    with torch.random.fork_rng(devices=[]):
        method = methods.build(settings.model_copy(update={"encoder": tiny, "batch_size": 2, **plain}))
        table = method.sampling.frames(method.sampling.needed, draws_of(settings.seed, 0, "black"))
        for module in method.modules():
            if isinstance(module, Encoder):
                module.register_forward_pre_hook(count)
        shape = (2, *table.shape)
        method(
            ClipBatch(
                torch.zeros(*shape, size, size, dtype=torch.uint8),
                torch.zeros(*shape, 2, size // 2, size // 2, dtype=torch.uint8),
                torch.zeros(2, 3, 4),
                ("black", "black too"),
            )
        )
    return EncodedFrames(counted[True] / 2, counted[False] / 2, float(table.size))


def work(settings: PretrainSettings) -> StepWork:
    """What a step of these settings asks for.

    Operations are those to learn from a clip, forward and backward, of convolutions and products of matrices; norms,
    ReLU and pools wait for memory and are left out, as is usual: a device's utilisation is the share of its peak that
    is left after them. The clip itself needs no gradient. Vectors are known of HDC alone.

    Raises:
        SettingsError: nothing is to be learnt, or the clips are too small for the encoder.
    """
    if isinstance(settings, HDCSettings) and not any(settings.alpha + settings.beta):
        raise SettingsError(
            f"recipe {settings.recipe} learns nothing (its weights are all 0), so there is nothing to plan. Give "
            "another --recipe; unreel pretrain --list-recipes shows them."
        )
    length, side, encoder = settings.encoder.clip_length, settings.encoder.size, _meta_encoder(settings.encoder)
    encoder.check(length, side, side)
    frames = encoded_frames(settings)
    with FlopCounterMode(display=False) as counter:
        maps = encoder(torch.empty(1, 3, length, side, side, device="meta"))
        torch.autograd.grad(maps[encoder.top].sum(), list(encoder.parameters()))
    operations = float(counter.get_total_flops())
    vectors = _vectors(settings, maps) if isinstance(settings, HDCSettings) else 0
    return StepWork(
        frames.clips(settings.encoder), operations, weights(settings.encoder), vectors, frames.read / length
    )


def weights(settings: EncoderSettings) -> int:
    """The numbers that an encoder has learnt."""
    return sum(each.numel() for each in _meta_encoder(settings).parameters())


def _meta_encoder(settings: EncoderSettings) -> Encoder:
    """The encoder without any numbers in it."""
    with torch.device("meta"):
        return models.build_from(settings)


def _vectors(settings: HDCSettings, maps: Pyramid) -> int:
    """Vectors that a video is compared by: at each level with a weight, spatial ones at every temporal position."""
    spatial = sum(maps[level].shape[2] for level, weight in zip(LEVELS, settings.alpha, strict=True) if weight)
    return (spatial + sum(weight > 0 for weight in settings.beta)) * (1 + settings.both_directions)
