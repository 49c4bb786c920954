"""What a step of a recipe asks for, counted from its own layers on shapes alone: nothing is computed."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from unreel import models
from unreel.errors import SettingsError
from unreel.methods.hdc import EMBEDDING_WIDTH, HDC
from unreel.models import Encoder
from unreel.planning.communication import Contrast
from unreel.planning.model import StepWork
from unreel.settings.encoder import EncoderSettings
from unreel.settings.hdc import HDCSettings
from unreel.settings.pretraining import PretrainSettings
from unreel.types import Pyramid


def views(settings: PretrainSettings) -> int:
    """Clips that are encoded per video: view o, and s and t where a weight asks for them."""
    assert isinstance(settings, HDCSettings)
    return 1 + any(settings.alpha) + any(settings.beta)


def work(settings: HDCSettings) -> StepWork:
    """What a step of these settings asks for.

    Raises:
        SettingsError: nothing is to be learnt, or the clips are too small for the encoder.
    """
    if not any(settings.alpha + settings.beta):
        raise SettingsError(
            f"recipe {settings.recipe} learns nothing (its weights are all 0), so there is nothing to plan. Give "
            "another --recipe; unreel pretrain --list-recipes shows them."
        )
    with torch.device("meta"):
        method = HDC(settings)
    return StepWork(
        views(settings),
        operations(settings.encoder_settings),
        sum(each.numel() for each in method.parameters()),
        _contrasts(settings, _maps(method.encoder, settings.encoder_settings)),
    )


def operations(settings: EncoderSettings) -> float:
    """Operations to learn from one clip, forward and backward; a multiplication and an addition are two.

    Those of convolutions and products of matrices; norms, ReLU and pools wait for memory and are left out, as is usual:
    a device's utilisation is the share of its peak that is left after them. The clip itself needs no gradient.
    """
    encoder = meta_encoder(settings)
    with FlopCounterMode(display=False) as counter:
        torch.autograd.grad(_maps(encoder, settings)[5].sum(), list(encoder.parameters()))
    return float(counter.get_total_flops())


def weights(settings: EncoderSettings) -> int:
    """The numbers that an encoder has learnt."""
    return sum(each.numel() for each in meta_encoder(settings).parameters())


def meta_encoder(settings: EncoderSettings) -> Encoder:
    """The encoder without any numbers in it."""
    with torch.device("meta"):
        return models.build_from(settings)


def _maps(encoder: Encoder, settings: EncoderSettings) -> Pyramid:
    return encoder(torch.empty(1, 3, settings.clip_length, settings.size, settings.size, device="meta"))


def _contrasts(settings: HDCSettings, maps: Pyramid) -> tuple[Contrast, ...]:
    """Each subtask at each level that has a weight: spatial ones at every temporal position, temporal ones once."""
    directions = 1 + settings.both_directions
    spatial = [
        Contrast(f"spatial_{level}", maps[level].shape[2], EMBEDDING_WIDTH, directions)
        for level, weight in zip((3, 4, 5), settings.alpha, strict=True)
        if weight
    ]
    temporal = [
        Contrast(f"temporal_{level}", 1, EMBEDDING_WIDTH, directions)
        for level, weight in zip((3, 4, 5), settings.beta, strict=True)
        if weight
    ]
    return (*spatial, *temporal)
