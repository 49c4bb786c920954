"""MoCo (He et al., CVPR 2020) on videos, with two clips of each (ρMoCo, Feichtenhofer et al., CVPR 2021).

Facts from the authors' code (facebookresearch/SlowFast: contrastive.py, contrastive_ssl): the first clip is the query,
the other the key, which a slowly following copy of encoder and head gives; τ .1, a head of three layers, the copy's
share rises from .994 to 1. Ours: 4,096 keys instead of 65,536, layer norm in the head instead of batch norm, HDC's
views.
"""

from collections.abc import Mapping
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from unreel.losses import against_queue, watch
from unreel.methods.heads import EMBEDDING_WIDTH, mlp, ready, top_features
from unreel.methods.momentum import Follower, Queue, numbers_of, rising
from unreel.methods.views import Views
from unreel.settings.rivals import MoCoSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import TwoClips


class MoCo(nn.Module):
    """a view of one clip ─▶ encoder, head ─▶ query; a view of another ─▶ copies of them ─▶ its key, and the queue's."""

    settings_kind: ClassVar = MoCoSettings
    all_used = True

    def __init__(self, settings: MoCoSettings) -> None:
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
        queries = self.head(top_features(self.encoder, [self.query_view(batch)])[:, 0])
        keys = self.keys.heads(self.keys([self.view(batch, "key", 1)])[:, 0])
        return {"queries": queries, "given/keys": keys, "given/videos": numbers_of(batch)}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """The contrast, and how often the own key is nearer than all of the queue."""
        queries, keys = outputs["queries"], outputs["given/keys"]
        own, temperature, weights = self.queue.own(outputs["given/videos"]), self.settings.temperature, self.weights()
        found = against_queue(queries, keys, self.queue.keys, temperature=temperature, own=own, weights=weights)
        figures = watch({"clips": (queries, keys)}) if watched else {}
        return Loss(found.loss, {"clips": found.loss.detach()}, {"accuracy/clips": found.accuracy, **figures})

    def updated(self, outputs: Mapping[str, Tensor], step: int) -> None:
        """Let the copies follow, and the queue have the step's keys."""
        kept = rising(self.settings.momentum_copy, step, self.settings.steps)
        self.keys.follow(self.encoder, self.head, kept)
        self.queue.push(outputs["given/keys"], outputs["given/videos"])

    def query_view(self, batch: ClipBatch) -> Float[Tensor, "b 3 t s s"]:
        """What the encoder is shown of the first clip of each video."""
        return self.view(batch, "query")

    def weights(self) -> Float[Tensor, " n"] | None:
        """Factors on the cosines to the queue's keys; None: all count alike."""
        return None
