"""The views that a method compares: drawn by name, cropped, coloured, scaled (Sec. 3.3)."""

from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from unreel.augment import ViewDraws, draw_views
from unreel.augment.backend import view_maker
from unreel.settings.augmentation import AugmentationSettings
from unreel.settings.encoder import EncoderSettings
from unreel.settings.training import TrainingSettings
from unreel.types import ClipBatch


@final
class Views:
    """Makes views as settings say; the same name gives the same draws, whoever asks.

    Raises:
        SettingsError: a GPU is to do what it cannot.
        MissingExtraError: what compiles views is not installed.
    """

    def __init__(
        self, settings: TrainingSettings, augmentation: AugmentationSettings, encoder: EncoderSettings
    ) -> None:
        self._augmentation, self._seed, self._size = augmentation, settings.seed, encoder.size
        chosen = settings.compiled_views, settings.accelerator, settings.precision
        self._make = view_maker(*chosen, encoder.input)

    @torch.no_grad()
    def __call__(
        self,
        batch: ClipBatch,
        name: str,
        clip: int = 0,
        changed: Callable[[ViewDraws], ViewDraws] = lambda draws: draws,
    ) -> Float[Tensor, "b 3 t s s"]:
        """View `name` of one clip of each video, in [-1, 1]; in float32 under mixed precision too.

        `changed` gives other draws for those of the name: the box of a piece, say.
        """
        frames = batch.luma.shape[2]
        draws = changed(
            draw_views(self._augmentation, seed=self._seed, epoch=batch.epoch, ids=batch.ids, view=name, frames=frames)
        )
        with torch.autocast(batch.luma.device.type, enabled=False):
            return self._make(batch.luma[:, clip], batch.chroma[:, clip], batch.to_rgb, draws, self._size)
