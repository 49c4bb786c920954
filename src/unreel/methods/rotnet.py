"""3D-RotNet (Jing et al., 2018, arXiv 1811.11387): by how much is the clip turned?

Facts from the authors' code (LongLong-Jing/3DRotNet: train.py, Video_dataloader.py): 16 frames, every second one; all
four turns of a clip are in the batch; cross entropy over four classes on the last features. Ours: no turn by ±10°
before, and HDC's views.
"""

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unreel.losses import classification
from unreel.methods.heads import Centre, ready, top_features
from unreel.methods.views import Views
from unreel.settings.rivals import RotNetSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import Pieces

TURNS = 4


@final
class RotNet(nn.Module):
    """view ─▶ turned by 0, 90, 180, 270° ─▶ encoder ─▶ mean of its last level ─▶ linear layer ─▶ which turn."""

    settings_kind = RotNetSettings
    all_used = True

    def __init__(self, settings: RotNetSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings)
        self.sampling = Pieces(
            settings.encoder.clip_length, stride=settings.stride, random_region=settings.augmentation.crop
        )
        self.centre = Centre(channels, settings.centre)
        self.linear = nn.Linear(channels, TURNS)

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Logits (b 4 4) of every turn of each video, and which it was (b 4)."""
        features, more = self.centre(top_features(self.encoder, turned(self.view(batch, "clip"))))
        targets = torch.arange(TURNS, device=features.device).expand(len(batch), TURNS)
        return {"logits": self.linear(features), "given/targets": targets, **more}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Cross entropy, and how often the turn is told rightly."""
        return classification(outputs["logits"], outputs["given/targets"], {"turn": 1}, watched=watched)

    def updated(self, outputs: Mapping[str, Tensor], _step: int) -> None:
        """Follow the mean of the features."""
        self.centre.follow(outputs)


def turned(clips: Float[Tensor, "b 3 t s s"]) -> list[Float[Tensor, "b 3 t s s"]]:
    """The clips turned by 0, 90, 180 and 270°, against the clock."""
    return [torch.rot90(clips, turn, (3, 4)) for turn in range(TURNS)]
