"""HDC, Hierarchically Decoupled Spatial-Temporal Contrast: the method of the paper (Sec. 3)."""

from collections.abc import Mapping
from functools import partial
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unreel import models
from unreel.errors import SettingsError
from unreel.losses import hdnce, infonce, standardised, watch
from unreel.methods.heads import projection
from unreel.methods.views import Views
from unreel.settings.hdc import HDCSettings
from unreel.types import ClipBatch, Level, Loss, Pyramid
from unreel.video.clips.sampling import TwoClips

LEVELS = 3
"""Levels that are contrasted: the last ones of the encoder, 3, 4 and 5 of unreel's own."""


@final
class HDC(nn.Module):
    """Three views of every video, one encoder, Spatial and Temporal Contrast at levels 3, 4 and 5.

        x     ──φ_o──▶ o ─┐
              ──φ_s──▶ s ─┼─▶ encoder ─▶ levels 3, 4, 5 ─┬─ mean over h, w    ─▶ g_o(o), g_s(s): L_s  (Eq. 4)
        Γ(x)  ──φ_t──▶ t ─┘                              └─ mean over t, h, w ─▶ g_o(o), g_t(t): L_t  (Eq. 5)

    The loss is Σ_k α_k L_s^k + β_k L_t^k (Eq. 6). A view that no weight asks for is not computed.

    Raises:
        SettingsError: there is no such encoder, the clips are too small for it, or a GPU is to do what it cannot.
        MissingExtraError: what compiles views or layers is not installed.
    """

    settings_kind = HDCSettings

    def __init__(self, settings: HDCSettings) -> None:
        super().__init__()
        self.settings = settings
        encoder, augmentation = settings.encoder, settings.augmentation
        self._view = Views(settings, augmentation, encoder)
        self.encoder = models.ready(encoder, settings)
        self.levels = _levels(self.encoder)
        self.alpha = dict(zip(self.levels, settings.alpha, strict=True))
        self.beta = dict(zip(self.levels, settings.beta, strict=True))
        self.sampling = TwoClips(encoder.clip_length, settings.clip_gap, augmentation.random_regions)
        self.all_used = self._weights()[self.levels[-1]] > 0
        self.projections = nn.ModuleDict(
            {
                f"{view}{level}": projection(settings.projection, self.encoder.channels[level])
                for view, wanted in (("o", self._weights()), ("s", self.alpha), ("t", self.beta))
                for level in self.levels
                if wanted[level]
            }
        )

    def forward(self, batch: ClipBatch) -> dict[str, Float[Tensor, "b ..."]]:
        """The embeddings of two clips per video, x and Γ(x), by view, task and level.

        `o/spatial_3` … of shape (b n d), one row per temporal position; `o/temporal_3` … of shape (b d).
        """
        views = ["o"] + ["s"] * any(self.alpha.values()) + ["t"] * any(self.beta.values())
        clips = torch.cat([self.view(batch, view) for view in views])
        pyramid = self.encoder(clips)
        maps = {
            view: Pyramid({k: pyramid[k].chunk(len(views))[row] for k in self.levels}) for row, view in enumerate(views)
        }
        spatial = {f"{v}/spatial_{k}": self._spatial(v, maps, k) for k in self.levels if self.alpha[k] for v in "os"}
        temporal = {f"{v}/temporal_{k}": self._temporal(v, maps, k) for k in self.levels if self.beta[k] for v in "ot"}
        return spatial | temporal

    def loss(self, outputs: Mapping[str, Float[Tensor, "b ..."]], *, watched: bool = False) -> Loss:
        """The loss of the embeddings of a batch; `watched` adds the figures that show collapse."""
        if self.settings.standardise:
            outputs = {name: standardised(each) for name, each in outputs.items()}
        spatial = {
            k: (outputs[f"o/spatial_{k}"], outputs[f"s/spatial_{k}"]) for k, weight in self.alpha.items() if weight
        }
        temporal = {
            k: (outputs[f"o/temporal_{k}"], outputs[f"t/temporal_{k}"]) for k, weight in self.beta.items() if weight
        }
        contrast = partial(
            infonce,
            temperature=self.settings.temperature,
            reduction=self.settings.reduction,
            hard_negatives=self.settings.hard_negatives,
            chunk_size=self.settings.chunk_size,
        )
        both = self.settings.both_directions
        loss = hdnce(spatial, temporal, alpha=self.alpha, beta=self.beta, contrast=contrast, both_directions=both)
        if watched:
            named = {"spatial": spatial, "temporal": temporal}
            loss.figures |= watch({f"{task}_{k}": each for task, levels in named.items() for k, each in levels.items()})
        return loss

    def updated(self, outputs: Mapping[str, Tensor], step: int) -> None:
        """Nothing: HDC has no state but its weights."""

    def view(self, batch: ClipBatch, view: str) -> Float[Tensor, "b 3 t s s"]:
        """View o or s of the first clip x, or view t of the second, Γ(x)."""
        return self._view(batch, view, clip=1 if view == "t" else 0)

    def _spatial(self, view: str, maps: dict[str, Pyramid], level: Level) -> Float[Tensor, "b n d"]:
        vectors: Tensor = self.projections[f"{view}{level}"](maps[view][level].mean(dim=(3, 4)).transpose(1, 2))
        return vectors

    def _temporal(self, view: str, maps: dict[str, Pyramid], level: Level) -> Float[Tensor, "b d"]:
        vectors: Tensor = self.projections[f"{view}{level}"](maps[view][level].mean(dim=(2, 3, 4)))
        return vectors

    def _weights(self) -> dict[Level, float]:
        return {level: self.alpha[level] + self.beta[level] for level in self.levels}


def _levels(encoder: models.Encoder) -> tuple[Level, ...]:
    """The levels that are contrasted.

    Raises:
        SettingsError: the encoder has too few.
    """
    levels = tuple(encoder.channels)[-LEVELS:]
    if len(levels) < LEVELS:
        raise SettingsError(
            f"HDC contrasts {LEVELS} levels of an encoder, {type(encoder).__name__} has {len(levels)}. Choose another "
            "encoder or method."
        )
    return levels
