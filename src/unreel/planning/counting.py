"""What a step of HDC asks for, counted from the encoder's own layers on shapes alone: nothing is computed."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from unreel import models
from unreel.errors import SettingsError
from unreel.models import Encoder
from unreel.planning.model import StepWork
from unreel.settings.encoder import EncoderSettings
from unreel.settings.hdc import HDCSettings
from unreel.settings.pretraining import PretrainSettings
from unreel.types import Pyramid

LEVELS = (3, 4, 5)


def views(settings: PretrainSettings) -> int:
    """Clips that are encoded per video: view o, and s and t where a weight asks for them; one of another method."""
    return 1 + any(settings.alpha) + any(settings.beta) if isinstance(settings, HDCSettings) else 1


def work(settings: HDCSettings) -> StepWork:
    """What a step of these settings asks for.

    Operations are those to learn from a clip, forward and backward, of convolutions and products of matrices; norms,
    ReLU and pools wait for memory and are left out, as is usual: a device's utilisation is the share of its peak that
    is left after them. The clip itself needs no gradient.

    Raises:
        SettingsError: nothing is to be learnt, or the clips are too small for the encoder.
    """
    if not any(settings.alpha + settings.beta):
        raise SettingsError(
            f"recipe {settings.recipe} learns nothing (its weights are all 0), so there is nothing to plan. Give "
            "another --recipe; unreel pretrain --list-recipes shows them."
        )
    length, side, encoder = settings.encoder.clip_length, settings.encoder.size, _meta_encoder(settings.encoder)
    encoder.check(length, side, side)
    with FlopCounterMode(display=False) as counter:
        maps = encoder(torch.empty(1, 3, length, side, side, device="meta"))
        torch.autograd.grad(maps[5].sum(), list(encoder.parameters()))
    operations = float(counter.get_total_flops())
    return StepWork(views(settings), operations, weights(settings.encoder_settings), _vectors(settings, maps))


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
