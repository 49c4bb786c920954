"""RSPNet (Chen et al., AAAI 2021): is a clip as fast as another, and of the same video?

Facts from the authors' code (PeihaoChen/RSPNet: moco/builder_diffspeed_diffloss.py, split_wrapper.py, pretrain.py): the
query is shown at its own speed or twice that, a second clip at both; a queue holds the clips of the other speed; linear
heads for appearance (A) and motion (M); the share of the following copy is .999. Ours: HDC's views, 4,096 keys.

    L = −log softmax(q_A·k_A | queue) − log softmax(q_A·k⁻_A | queue) + max(0, margin/τ − (q_M·k_M − q_M·k⁻_M)/τ)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unreel.engine import process_group
from unreel.losses import against_queue, unit, watch
from unreel.methods.heads import EMBEDDING_WIDTH, ready, top_features
from unreel.methods.momentum import Follower, Queue, numbers_of
from unreel.methods.speed import pace_drawn
from unreel.methods.views import Views
from unreel.rng import Draw
from unreel.settings.rivals import RSPNetSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import places

SPEEDS = 2


@final
@dataclass(frozen=True)
class SpeedPairs:
    """A clip at its own speed or twice that; a second one, from another start, at the same speed and at the other."""

    length: int
    random_region: bool = True

    @property
    def needed(self) -> int:
        """What the faster one spans."""
        return (self.length - 1) * SPEEDS + 1

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "3 t"]:
        """The frames of query, key of the same speed, and key of the other."""
        speed = pace_drawn(draw, SPEEDS)
        starts = draw("clips").integers(count - self.needed + 1, size=2)
        strides = np.array([speed, speed, SPEEDS + 1 - speed])
        return starts[[0, 1, 1], None] + strides[:, None] * np.arange(self.length)

    def regions(self, draw: Draw) -> Float[np.ndarray, "3 2"]:
        """Random places, both versions of the second clip at one, or the centre."""
        return places(draw, 2, random=self.random_region)[[0, 1, 1]]


@final
class RSPNet(nn.Module):
    """a view of each clip ─▶ encoder or its copy ─▶ linear layers A, M ─▶ relative speed, and which video."""

    settings_kind = RSPNetSettings
    all_used = True

    def __init__(self, settings: RSPNetSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings)
        self.sampling = SpeedPairs(settings.encoder.clip_length, settings.augmentation.crop)
        self.heads = nn.ModuleDict({name: nn.Linear(channels, EMBEDDING_WIDTH) for name in "AM"})
        self.keys = Follower(self.encoder, self.heads)
        self.queue = Queue(settings.queue, settings.batch_size, EMBEDDING_WIDTH)

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """For each head the queries (b d), the keys of the same (b d) and of the other speed (b d); the videos (b)."""
        query = top_features(self.encoder, [self.view(batch, "query")])[:, 0]
        same, other = self.keys([self.view(batch, "same", 1), self.view(batch, "other", 2)]).unbind(dim=1)
        heads, copies = self.heads, cast(nn.ModuleDict, self.keys.heads)
        queries = {f"query/{name}": heads[name](query) for name in "AM"}
        keys = {("same", name): copies[name](same) for name in "AM"} | {
            ("other", name): copies[name](other) for name in "AM"
        }
        given = {f"given/{which}/{name}": each for (which, name), each in keys.items()}
        return queries | given | {"given/videos": numbers_of(batch)}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """The sum of appearance, with the queue, and relative speed, with a margin; how often each is right."""
        chosen, query = self.settings, outputs["query/A"]
        own = self.queue.own(outputs["given/videos"])
        keys = (outputs[f"given/{which}/A"] for which in ("same", "other"))
        found = [against_queue(query, each, self.queue.keys, temperature=chosen.temperature, own=own) for each in keys]
        with torch.autocast(query.device.type, enabled=False):
            nearer = _cosine(outputs, "same") - _cosine(outputs, "other")
            hinge = ((chosen.margin - nearer) / chosen.temperature).clamp(min=0).mean()
        speed, right = process_group.of_whole_batch(hinge, (nearer > 0).to(hinge).mean())
        parts = {"appearance": found[0].loss.detach() + found[1].loss.detach(), "speed": speed.detach()}
        figures = {"accuracy/appearance": found[0].accuracy, "accuracy/speed": right}
        if watched:
            figures |= watch({"appearance": (query, outputs["given/same/A"])}) | {"chance/speed": hinge.new_tensor(0.5)}
        return Loss(found[0].loss + found[1].loss + speed, parts, figures)

    def updated(self, outputs: Mapping[str, Tensor], _step: int) -> None:
        """Let the copies follow, and the queue have the step's keys of the other speed."""
        self.keys.follow(self.encoder, self.heads, self.settings.momentum_copy)
        self.queue.push(outputs["given/other/A"], outputs["given/videos"])


def _cosine(outputs: Mapping[str, Tensor], which: str) -> Float[Tensor, " b"]:
    return (unit(outputs["query/M"]) * unit(outputs[f"given/{which}/M"])).sum(dim=1)
