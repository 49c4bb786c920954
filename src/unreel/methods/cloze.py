"""Video Cloze Procedure (VCP, Luo et al., AAAI 2020): what was done to the middle one of three pieces?

From a third party's code (BestJuly/VCP: train_vcp.py, datasets/ucf101.py): the pieces of Clip Order, in their order;
the middle one is left, turned by 90, 180 or 270°, its quadrants exchanged, two of its quarters in time exchanged, or
is replaced by another piece of the video. Not followed: that code spaces the pieces otherwise and relabels where there
is no room for another piece; here the video must have it, 16 frames off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unreel.errors import SettingsError
from unreel.losses import classification
from unreel.methods.heads import Centre, drawn, ready, top_features
from unreel.methods.ordering import orders
from unreel.methods.vcop import PIECES
from unreel.methods.views import Views
from unreel.rng import Draw
from unreel.settings.rivals import ClozeSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import Pieces

LEFT, TURNED, SPACE, TIME, REPLACED = range(5)
AWAY = 16
PARTS = 4
"""Quadrants, and quarters of time."""


def operation_drawn(draw: Draw, count: int) -> int:
    """Which of the first `count` operations a video's middle piece undergoes."""
    return int(draw("operation").integers(count))


@final
@dataclass(frozen=True)
class ClozePieces:
    """Three pieces, the middle one replaced by another, `AWAY` frames before or behind all, where that is drawn."""

    pieces: Pieces
    operations: int

    @property
    def needed(self) -> int:
        """All three; and one more that far off, where pieces are replaced."""
        return self.pieces.needed + (AWAY + self.pieces.span if self.operations > REPLACED else 0)

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "3 t"]:
        """The frames of the pieces."""
        if operation_drawn(draw, self.operations) != REPLACED:
            return self.pieces.frames(count, draw)
        chance, span, off = draw("clips"), self.pieces.needed, AWAY + self.pieces.span
        starts = [start for start in range(count - span + 1) if start >= off or count - start - span >= off]
        start = int(chance.choice(starts))
        others = [*range(start - off + 1), *range(start + span + AWAY, count - self.pieces.span + 1)]
        table = start + self.pieces.frames(span, draw)
        table[1] = int(chance.choice(others)) + np.arange(self.pieces.length)
        return table

    def regions(self, draw: Draw) -> Float[np.ndarray, "3 2"]:
        """Random places, or the centre."""
        return self.pieces.regions(draw)


@final
class Cloze(nn.Module):
    """three pieces, a view of each ─▶ something done to the second ─▶ encoder ─▶ linear layer on all ─▶ what."""

    settings_kind = ClozeSettings
    all_used = True

    def __init__(self, settings: ClozeSettings) -> None:
        super().__init__()
        self.settings = settings
        self._operations = REPLACED + settings.replaced
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings, settings.piece_length)
        _check_parts(settings)
        pieces = Pieces(settings.piece_length, PIECES, settings.piece_gap, random_region=settings.augmentation.crop)
        self.sampling = ClozePieces(pieces, self._operations)
        self.centre = Centre(channels, settings.centre)
        self.linear = nn.Linear(PIECES * channels, self._operations)

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Logits (b 5), or (b 4) where nothing is replaced, and which operation it was (b)."""
        before, middle, after = (self.view(batch, f"piece {row}", row) for row in range(PIECES))
        done = drawn(self.settings, batch, partial(operation_drawn, count=self._operations))
        chances = drawn(self.settings, batch, lambda draw: draw("how"))
        middle = torch.stack([_operated(*each) for each in zip(middle, done, chances, strict=True)])
        features, more = self.centre(top_features(self.encoder, [before, middle, after]))
        targets = torch.tensor(done, device=features.device)
        return {"logits": self.linear(features.flatten(1)), "given/targets": targets, **more}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Cross entropy, and how often the operation is told rightly."""
        return classification(outputs["logits"], outputs["given/targets"], {"operation": 1}, watched=watched)

    def updated(self, outputs: Mapping[str, Tensor], _step: int) -> None:
        """Follow the mean of the features."""
        self.centre.follow(outputs)


def _check_parts(settings: ClozeSettings) -> None:
    if settings.encoder.size % 2 or settings.piece_length % PARTS:
        raise SettingsError(
            f"cloze cuts pieces into quadrants and quarters of time, but size is {settings.encoder.size} and "
            f"piece_length {settings.piece_length}. Give an even --size and a --piece-length that is a multiple of "
            f"{PARTS}."
        )


def _operated(clip: Float[Tensor, "3 t s s"], operation: int, chance: np.random.Generator) -> Float[Tensor, "3 t s s"]:
    """A clip after its operation; what is replaced was read so."""
    if operation == TURNED:
        return turned(clip, int(chance.integers(1, 4)))
    if operation == SPACE:
        return quadrants_moved(clip, orders(PARTS)[chance.integers(1, len(orders(PARTS)))])
    if operation == TIME:
        pairs = list(combinations(range(PARTS), 2))
        return quarters_exchanged(clip, *pairs[chance.integers(len(pairs))])
    return clip


def turned(clip: Float[Tensor, "3 t s s"], turn: int) -> Float[Tensor, "3 t s s"]:
    """The clip turned by so many right angles."""
    return torch.rot90(clip, turn, (2, 3))


def quadrants_moved(clip: Float[Tensor, "3 t s s"], order: tuple[int, ...]) -> Float[Tensor, "3 t s s"]:
    """The clip with quadrant `order[i]` where quadrant i was: upper left, upper right, lower left, lower right."""
    quadrants = [part for half in clip.chunk(2, dim=2) for part in half.chunk(2, dim=3)]
    rows = [torch.cat([quadrants[order[row]], quadrants[order[row + 1]]], dim=3) for row in (0, 2)]
    return torch.cat(rows, dim=2)


def quarters_exchanged(clip: Float[Tensor, "3 t s s"], first: int, second: int) -> Float[Tensor, "3 t s s"]:
    """The clip with two of its quarters in time exchanged."""
    quarters = list(clip.chunk(PARTS, dim=1))
    quarters[first], quarters[second] = quarters[second], quarters[first]
    return torch.cat(quarters, dim=1)
