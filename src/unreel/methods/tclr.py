"""TCLR (Dave et al., CVIU 2022): contrast of videos, and within each video of its parts.

Facts from the authors' code (DAVEISHAN/TCLR: train_gen_all_step.py, dl_tclr.py): one clip over all of a stretch and
four of its quarters, each drawn twice, so 10 clips; contrast of the whole clips, of the quarters as clips of their
video, of the quarters within a video, and of a whole clip's slices in time with the quarters, both ways. Ours: means
where they add over videos; the slices are those of the deepest level that has four positions in time, by a layer of
their own; HDC's views, drawn for every clip.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from unreel.engine import process_group
from unreel.errors import SettingsError
from unreel.losses import nt_xent, unit, watch
from unreel.methods.heads import EMBEDDING_WIDTH, projection, ready
from unreel.methods.views import Views
from unreel.models import Encoder
from unreel.settings.rivals import TCLRSettings
from unreel.types import ClipBatch, Level, Loss
from unreel.video.clips.sampling import Pieces

PARTS = 4
DRAWS = 2


@final
class TCLR(nn.Module):
    """views of a stretch and its quarters, twice ─▶ encoder ─▶ embeddings of videos, quarters, slices ─▶ contrasts."""

    settings_kind = TCLRSettings
    all_used = True

    def __init__(self, settings: TCLRSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings, settings.piece_length)
        stretch = PARTS * settings.piece_length
        if stretch % settings.encoder.clip_length:
            raise SettingsError(
                f"tclr shows {settings.encoder.clip_length} frames (--clip-length) over {PARTS} parts of "
                f"{settings.piece_length} (--piece-length), expected that one divides the other. Give others."
            )
        self._stride = stretch // settings.encoder.clip_length
        self.sampling = Pieces(stretch, random_region=settings.augmentation.crop)
        self._sliced = _level_of_slices(self.encoder, settings)
        self.videos, self.quarters = projection("mlp", channels), projection("mlp", channels)
        self.slices = nn.Linear(self.encoder.channels[self._sliced], EMBEDDING_WIDTH)

    def forward(self, batch: ClipBatch) -> dict[str, Float[Tensor, "b ..."]]:
        """Embeddings of wholes (b 2 d), of quarters as clips of the video and as themselves (b 2 4 d), of slices."""
        whole = replace(batch, luma=batch.luma[:, :, :: self._stride], chroma=batch.chroma[:, :, :: self._stride])
        parts = replace(
            batch,
            luma=torch.unflatten(batch.luma[:, 0], 1, (PARTS, -1)),
            chroma=torch.unflatten(batch.chroma[:, 0], 1, (PARTS, -1)),
        )
        wholes = [self.view(whole, f"whole {draw}") for draw in range(DRAWS)]
        quarters = [self.view(parts, f"quarter {row} {draw}", row) for draw in range(DRAWS) for row in range(PARTS)]
        seen, sliced, own = self._encoded(wholes, quarters)
        own = torch.unflatten(own, 1, (DRAWS, PARTS))
        return {
            "videos": self.videos(seen),
            "clips": self.videos(own),
            "quarters": self.quarters(own),
            "slices": self.slices(sliced),
        }

    def loss(self, outputs: Mapping[str, Float[Tensor, "b ..."]], *, watched: bool = False) -> Loss:
        """The sum of the four contrasts, and how often a video's other whole clip is the nearest."""
        temperature = self.settings.temperature
        first, second = outputs["videos"].unbind(dim=1)
        videos = nt_xent(first, second, temperature=temperature)
        one, other = (each.unbind(dim=1) for each in outputs["clips"].unbind(dim=1))
        clips = torch.stack([nt_xent(a, b, temperature=temperature).loss for a in one for b in other]).mean()
        with torch.autocast(first.device.type, enabled=False):
            quarters = within(outputs["quarters"], temperature)
            slices = matched(outputs["slices"], outputs["quarters"], temperature)
        (quarters,), (slices,) = process_group.of_whole_batch(quarters), process_group.of_whole_batch(slices)
        parts = {"videos": videos.loss, "clips": clips, "quarters": quarters, "slices": slices}
        figures = {"accuracy/videos": videos.accuracy}
        if watched:
            figures |= watch({"videos": (first, second)})
        total = torch.stack(list(parts.values())).sum()
        return Loss(total, {name: each.detach() for name, each in parts.items()}, figures)

    def updated(self, outputs: Mapping[str, Tensor], step: int) -> None:
        """Nothing: it has no state but its weights."""

    def _encoded(self, wholes: list[Tensor], quarters: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Of each video the features of wholes (b 2 c), of their slices (b 2 4 c), and of the quarters (b 8 c)."""
        top = self.encoder.top
        if wholes[0].shape == quarters[0].shape:
            pyramid = self.encoder(torch.cat([*wholes, *quarters]))
            count = DRAWS * len(wholes[0])
            maps = {level: pyramid[level][:count] for level in (top, self._sliced)}
            own = pyramid[top][count:]
        else:
            pyramid = self.encoder(torch.cat(wholes))
            maps, own = {level: pyramid[level] for level in (top, self._sliced)}, self.encoder(torch.cat(quarters))[top]
        sliced = functional.adaptive_avg_pool3d(maps[self._sliced], (PARTS, 1, 1))[..., 0, 0].mT
        return (
            torch.stack(maps[top].mean(dim=(2, 3, 4)).chunk(DRAWS), dim=1),
            torch.stack(sliced.chunk(DRAWS), dim=1),
            torch.stack(own.mean(dim=(2, 3, 4)).chunk(DRAWS * PARTS), dim=1),
        )


def _level_of_slices(encoder: Encoder, settings: TCLRSettings) -> Level:
    """The deepest level that has a position for each part of a clip; the first one where none has."""
    clip = torch.zeros(1, 3, settings.encoder.clip_length, settings.encoder.size, settings.encoder.size)
    with torch.no_grad():
        maps = encoder(clip.to(next(encoder.parameters())))
    deep = [level for level in encoder.channels if maps[level].shape[2] >= PARTS]
    return deep[-1] if deep else next(iter(encoder.channels))


def within(quarters: Float[Tensor, "b 2 4 d"], temperature: float) -> Float[Tensor, ""]:
    """−log softmax of cos/τ at the same quarter of the other draw, over the 7 other quarters of the same video."""
    vectors = unit(quarters.flatten(1, 2))
    scores = vectors @ vectors.mT / temperature
    scores = scores.masked_fill(torch.eye(DRAWS * PARTS, dtype=torch.bool, device=scores.device), -torch.inf)
    targets = (torch.arange(DRAWS * PARTS, device=scores.device) + PARTS) % (DRAWS * PARTS)
    return functional.cross_entropy(scores.flatten(0, 1), targets.repeat(len(scores)))


def matched(
    slices: Float[Tensor, "b 2 4 d"], quarters: Float[Tensor, "b 2 4 d"], temperature: float
) -> Float[Tensor, ""]:
    """−log softmax of cos/τ at the quarter that a slice shows, over the four of its video; and the other way about."""
    first, second = (unit(each.flatten(0, 1)) for each in (slices, quarters))
    scores = first @ second.mT / temperature
    targets = torch.arange(PARTS, device=scores.device).repeat(len(scores))
    both = [functional.cross_entropy(each.flatten(0, 1), targets) for each in (scores, scores.mT)]
    return torch.stack(both).mean()
