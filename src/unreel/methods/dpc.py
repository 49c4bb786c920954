"""Dense Predictive Coding (DPC, Han et al., ICCV workshops 2019): what will the features of the next blocks be?

Facts from the authors' code (TengdaHan/DPC: dpc/model_3d.py, main.py): blocks of 5 frames, every third one, right
after each other; one crop and flip for all; the last level's maps, mean over time; a convolutional GRU with kernels of
one position runs over the blocks seen, two layers predict the next one, which is fed back; raw dot products with the
maps of all videos, steps and places. Ours: the maps are compared after ReLU, as the GRU gets them; no dropout; HDC's
views.
"""

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unreel.engine import process_group
from unreel.losses import predicted
from unreel.methods.heads import ready
from unreel.methods.views import Views
from unreel.settings.rivals import DPCSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import Pieces


@final
class DPC(nn.Module):
    """a view of all blocks ─▶ encoder, block by block ─▶ GRU over those seen ─▶ the next ones, place by place."""

    settings_kind = DPCSettings
    all_used = True

    def __init__(self, settings: DPCSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings, settings.piece_length)
        frames = settings.piece_length * settings.blocks
        self.sampling = Pieces(frames, stride=settings.stride, random_region=settings.augmentation.crop)
        self.memory = PlacewiseGRU(channels)
        self.predict = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, channels))

    def forward(self, batch: ClipBatch) -> dict[str, Float[Tensor, "b p s c"]]:
        """The features of `p` blocks at `s` places as predicted, and as they are."""
        blocks = torch.unflatten(self.view(batch, "blocks"), 2, (self.settings.blocks, -1)).transpose(1, 2)
        maps = self.encoder(blocks.flatten(0, 1))[self.encoder.top].mean(dim=2).relu()
        features = torch.unflatten(maps.flatten(2).mT, 0, (len(batch), -1))  # (b n s c)
        seen = self.settings.blocks - self.settings.predicted
        state = torch.zeros_like(features[:, 0])
        for block in features[:, :seen].unbind(dim=1):
            state = self.memory(block, state)
        predictions = []
        for _ in range(self.settings.predicted):
            predictions.append(self.predict(state))
            state = self.memory(predictions[-1].relu(), state)
        return {"predictions": torch.stack(predictions, dim=1), "targets": features[:, seen:]}

    def loss(self, outputs: Mapping[str, Float[Tensor, "b p s c"]], *, watched: bool = False) -> Loss:
        """The contrast, and how often the right one of all places is the nearest; by chance one of them."""
        found = predicted(outputs["predictions"], outputs["targets"])
        figures = {"accuracy/places": found.accuracy}
        if watched:
            rows = outputs["predictions"].shape[:3].numel() * process_group.count()
            figures["chance/places"] = found.loss.new_tensor(1 / rows).detach()
        return Loss(found.loss, {"places": found.loss.detach()}, figures)

    def updated(self, outputs: Mapping[str, Tensor], step: int) -> None:
        """Nothing: it has no state but its weights."""


@final
class PlacewiseGRU(nn.Module):
    """A gated recurrent unit at every place alike (Ballas et al., ICLR 2016, with kernels of one position).

    z, r = σ(W [x; h]);  h̃ = tanh(V [x; r h]);  h ← (1 − z) h + z h̃
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = nn.Linear(2 * channels, 2 * channels)
        self.candidate = nn.Linear(2 * channels, channels)
        for layer in (self.gates, self.candidate):
            nn.init.orthogonal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, seen: Float[Tensor, "b s c"], state: Float[Tensor, "b s c"]) -> Float[Tensor, "b s c"]:
        """The state after what is seen."""
        update, reset = self.gates(torch.cat([seen, state], dim=-1)).sigmoid().chunk(2, dim=-1)
        candidate = self.candidate(torch.cat([seen, reset * state], dim=-1)).tanh()
        changed: Tensor = (1 - update) * state + update * candidate
        return changed
