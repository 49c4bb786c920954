"""Cycles between videos and frames, after CCL (Kong et al., NeurIPS 2020).

Only a figure's text was seen. **Ours, not theirs**: z are the temporal positions of the last level but one, v the
clip's mean of the last level, each by a linear layer; v goes to its soft nearest frame in the batch and is to come
back to itself; z goes to its soft nearest video and is to come back among its own video's frames; videos are kept
apart by the mean cosine of different ones.
"""

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from unreel.engine import process_group
from unreel.losses import unit, watch
from unreel.methods.heads import EMBEDDING_WIDTH, ready
from unreel.methods.views import Views
from unreel.settings.rivals import CCLSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import Pieces


@final
class CCL(nn.Module):
    """view ─▶ encoder ─▶ frames z of the last level but one, video v of the last ─▶ v → frames → v, z → videos → z."""

    settings_kind = CCLSettings
    all_used = True

    def __init__(self, settings: CCLSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings)
        self.sampling = Pieces(settings.encoder.clip_length, random_region=settings.augmentation.crop)
        self._frames = tuple(self.encoder.channels)[-2:][0]
        self.of_frames = nn.Linear(self.encoder.channels[self._frames], EMBEDDING_WIDTH)
        self.of_videos = nn.Linear(channels, EMBEDDING_WIDTH)

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """The embeddings of frames (b n d) and of videos (b d)."""
        pyramid = self.encoder(self.view(batch, "clip"))
        frames = self.of_frames(pyramid[self._frames].mean(dim=(3, 4)).mT)
        return {"frames": frames, "videos": self.of_videos(pyramid[self.encoder.top].mean(dim=(2, 3, 4)))}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Both cycles and what keeps videos apart."""
        with torch.autocast(outputs["videos"].device.type, enabled=False):
            parts = cycles(outputs["frames"], outputs["videos"], self.settings.temperature)
        parts = {name: process_group.of_whole_batch(each)[0] for name, each in parts.items()}
        figures = {}
        if watched:
            figures = watch({"clips": (outputs["videos"], unit(outputs["frames"]).mean(dim=1))})
        total = torch.stack(list(parts.values())).sum()
        return Loss(total, {name: each.detach() for name, each in parts.items()}, figures)

    def updated(self, outputs: Mapping[str, Tensor], step: int) -> None:
        """Nothing: it has no state but its weights."""


def cycles(
    frames: Float[Tensor, "b n d"], videos: Float[Tensor, "b d"], temperature: float
) -> dict[str, Float[Tensor, ""]]:
    """Means over the videos and frames of this process, among those of all."""
    z, v = unit(frames), unit(videos)
    every_z, every_v = process_group.gather(z.contiguous()), process_group.gather(v.contiguous())
    b, count = len(v), len(every_v)
    own = torch.arange(b, device=v.device) + b * process_group.rank()
    flat = every_z.flatten(0, 1)
    through_frames = _soft_nearest(v, flat, temperature)
    video = functional.cross_entropy(through_frames @ every_v.T / temperature, own)
    through_videos = _soft_nearest(z.flatten(0, 1), every_v, temperature)
    chances = (through_videos @ flat.T / temperature).log_softmax(dim=1)
    back = torch.unflatten(chances, 1, (count, -1)).logsumexp(dim=2)
    frame = functional.nll_loss(back, own.repeat_interleave(z.shape[1]))
    cosines = v @ every_v.T
    apart = (cosines.sum(dim=1) - cosines[torch.arange(b), own]).mean() / max(count - 1, 1)
    return {"video_cycle": video, "frame_cycle": frame, "apart": apart}


def _soft_nearest(
    vectors: Float[Tensor, "m d"], others: Float[Tensor, "n d"], temperature: float
) -> Float[Tensor, "m d"]:
    """For each vector the mean of the others, weighted by the softmax of cos/τ; of length 1."""
    return unit((vectors @ others.T / temperature).softmax(dim=1) @ others)
