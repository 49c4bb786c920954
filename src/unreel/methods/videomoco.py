"""VideoMoCo (Pan et al., CVPR 2021): MoCo whose older keys count less, on clips with frames taken out.

Facts from the authors' code (tinapan-pt/VideoMoCo): the similarity to a key is multiplied by .99999 to the power of its
age; 8 of 32 frames are replaced by their mean. There a generator learns which frames to drop; **ours are drawn, nothing
is adversarial**. All else is as in `moco`.
"""

from collections.abc import Mapping
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unreel.losses import against_queue, watch
from unreel.methods.heads import EMBEDDING_WIDTH, drawn, mlp, ready, top_features
from unreel.methods.momentum import Follower, Queue, numbers_of, rising
from unreel.methods.views import Views
from unreel.settings.rivals import VideoMoCoSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import TwoClips


@final
class VideoMoCo(nn.Module):
    """as MoCo; some frames of the query are blanked, and the queue's keys lose weight with age."""

    settings_kind: ClassVar = VideoMoCoSettings
    all_used = True

    def __init__(self, settings: VideoMoCoSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings)
        self.sampling = TwoClips(settings.encoder.clip_length, 0.0, settings.augmentation.random_regions)
        self.head = mlp(channels, 4 * channels, EMBEDDING_WIDTH, layers=2)
        self.keys = Follower(self.encoder, self.head)
        self.queue = Queue(settings.queue, settings.batch_size, EMBEDDING_WIDTH)

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """The queries (b d), their keys (b d), and the number of each video (b)."""
        query = self.view(batch, "query")
        count = round(self.settings.blanked * query.shape[2])
        orders = drawn(self.settings, batch, lambda draw: draw("blanked").permutation(query.shape[2])[:count])
        query = torch.stack([blanked(clip, torch.from_numpy(each)) for clip, each in zip(query, orders, strict=True)])
        keys = self.keys.heads(self.keys([self.view(batch, "key", 1)])[:, 0])
        return {
            "queries": self.head(top_features(self.encoder, [query])[:, 0]),
            "given/keys": keys,
            "given/videos": numbers_of(batch),
        }

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """The contrast, and how often the own key is nearer than all of the queue."""
        queries, keys, chosen = outputs["queries"], outputs["given/keys"], self.settings
        weights = chosen.queue_decay ** self.queue.ages(chosen.batch_size)
        own = self.queue.own(outputs["given/videos"])
        found = against_queue(queries, keys, self.queue.keys, temperature=chosen.temperature, own=own, weights=weights)
        figures = watch({"clips": (queries, keys)}) if watched else {}
        return Loss(found.loss, {"clips": found.loss.detach()}, {"accuracy/clips": found.accuracy, **figures})

    def updated(self, outputs: Mapping[str, Tensor], step: int) -> None:
        """Let the copies follow, and the queue have the step's keys."""
        kept = rising(self.settings.momentum_copy, step, self.settings.steps)
        self.keys.follow(self.encoder, self.head, kept)
        self.queue.push(outputs["given/keys"], outputs["given/videos"])


def blanked(clip: Float[Tensor, "3 t s s"], frames: Tensor) -> Float[Tensor, "3 t s s"]:
    """The clip with these of its frames replaced by the mean of their own values."""
    frames = frames.to(clip.device)
    return clip.index_copy(1, frames, clip[:, frames].mean(dim=(0, 2, 3), keepdim=True).expand_as(clip[:, frames]))
