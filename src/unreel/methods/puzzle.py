"""Space-time puzzles (3D-ST-Puzzle, Kim et al., AAAI 2019): in which order are four pieces, in space or in time?

From a third party's code and recalled from the paper: a grid of 2×2×4 cells, of which four along space or along time
are shown in one of 24 orders; a piece of 80² of the cell's 112² pixels lies somewhere in its cell; one channel in all
three half of the time. Ours: a piece is a view whose box lies in the cell, at the encoder's full size; in space all
pieces have the same frames, in time they follow each other; each of the two kinds has a linear layer of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unreel.augment import ViewDraws
from unreel.losses import classification
from unreel.methods.heads import Centre, drawn, ready, top_features
from unreel.methods.ordering import order_drawn, orders
from unreel.methods.views import Views
from unreel.rng import Draw
from unreel.settings.rivals import PuzzleSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import Pieces, places

PIECES = 4
KEPT = 80 / 112
"""Side of a piece beside that of its cell."""


def is_in_space(draw: Draw) -> bool:
    """Whether a video's pieces are cells in space, at one time; otherwise they are times, at one place."""
    return bool(draw("kind").random() < 0.5)


@final
@dataclass(frozen=True)
class PuzzlePieces:
    """Four times the same frames, or four pieces that follow each other, in the order that is drawn."""

    length: int
    random_region: bool = True

    @property
    def needed(self) -> int:
        """Four pieces: a video must do for both kinds."""
        return self.length * PIECES

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "4 t"]:
        """The frames of the pieces, the one shown first in the first row."""
        if is_in_space(draw):
            return Pieces(self.length).frames(count, draw).repeat(PIECES, axis=0)
        return Pieces(self.length, PIECES).frames(count, draw)[list(orders(PIECES)[order_drawn(draw, PIECES)])]

    def regions(self, draw: Draw) -> Float[np.ndarray, "4 2"]:
        """One place for all: random, or the centre."""
        return places(draw, PIECES, random=self.random_region, together=True)


@final
class Puzzle(nn.Module):
    """four pieces, a view of each ─▶ encoder ─▶ mean of its last level ─▶ linear layer of the kind ─▶ which order."""

    settings_kind = PuzzleSettings
    all_used = True

    def __init__(self, settings: PuzzleSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings, settings.piece_length)
        self.sampling = PuzzlePieces(settings.piece_length, settings.augmentation.crop)
        self.centre = Centre(channels, settings.centre)
        self.space = nn.Linear(PIECES * channels, len(orders(PIECES)))
        self.time = nn.Linear(PIECES * channels, len(orders(PIECES)))

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Logits (b 24) of the layer of each video's kind, and the number of its order (b)."""
        shown = [self.view(batch, "pieces", row, partial(self._cell, batch, row)) for row in range(PIECES)]
        features, more = self.centre(top_features(self.encoder, shown))
        in_space = torch.tensor(drawn(self.settings, batch, is_in_space), device=features.device)[:, None]
        together = features.flatten(1)
        logits = torch.where(in_space, self.space(together), self.time(together))
        numbers = drawn(self.settings, batch, partial(order_drawn, count=PIECES))
        return {"logits": logits, "given/targets": torch.tensor(numbers, device=features.device), **more}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Cross entropy, and how often the order is told rightly."""
        return classification(outputs["logits"], outputs["given/targets"], {"puzzle": 1}, watched=watched)

    def updated(self, outputs: Mapping[str, Tensor], _step: int) -> None:
        """Follow the mean of the features."""
        self.centre.follow(outputs)

    def _cell(self, batch: ClipBatch, row: int, draws: ViewDraws) -> ViewDraws:
        """The draws of all pieces with the box of the one shown at `row`: somewhere in its cell."""
        cells = torch.tensor(drawn(self.settings, batch, partial(_cell_drawn, row=row)), dtype=draws.box.dtype)
        column, line, share, right, down = cells.unbind(dim=1)
        left, top, side = draws.box.unbind(dim=1)
        cell = share * side
        room = (1 - KEPT) * cell
        box = torch.stack([left + column * cell + right * room, top + line * cell + down * room, KEPT * cell], dim=1)
        return replace(draws, box=box)


def _cell_drawn(draw: Draw, row: int) -> tuple[float, ...]:
    """Column and row of a piece's cell, its side as a share of the view's, and where in the cell the piece lies."""
    offset = draw(f"piece {row}").random(2)
    if not is_in_space(draw):
        return 0.0, 0.0, 1.0, *offset
    line, column = divmod(orders(PIECES)[order_drawn(draw, PIECES)][row], 2)
    return float(column), float(line), 0.5, *offset
