"""A second encoder that follows the first slowly, and a queue of what it gave (MoCo, He et al., CVPR 2020)."""

import math
from collections.abc import Sequence
from copy import deepcopy
from hashlib import blake2b
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from unreel.engine import process_group
from unreel.methods.heads import top_features
from unreel.models import Encoder
from unreel.types import ClipBatch


@final
class Follower(nn.Module):
    """Copies of an encoder and of what is upon it, without gradient."""

    def __init__(self, encoder: Encoder, heads: nn.Module) -> None:
        super().__init__()
        self.encoder, self.heads = deepcopy(encoder), deepcopy(heads)
        self.requires_grad_(False)

    @torch.no_grad()
    def forward(self, clips: Sequence[Float[Tensor, "b 3 t s s"]]) -> Float[Tensor, "b v c"]:
        """The features of `v` clips of each video, before any head."""
        return top_features(self.encoder, clips)

    @torch.no_grad()
    def follow(self, encoder: Encoder, heads: nn.Module, kept: float) -> None:
        """Come nearer to the weights learnt: `kept` of the own ones and 1 − `kept` of those."""
        for own, learnt in ((self.encoder, encoder), (self.heads, heads)):
            for mine, its in zip(own.parameters(), learnt.parameters(), strict=True):
                mine.lerp_(its, 1 - kept)
            for kept_one, new_one in zip(own.buffers(), learnt.buffers(), strict=True):
                kept_one.copy_(new_one)


def rising(kept: float, step: int, steps: int) -> float:
    """The share that is kept at a step: it rises from `kept` to 1 along half a cosine (BYOL, Grill et al., 2020)."""
    return 1 - (1 - kept) * (1 + math.cos(math.pi * min(step / max(steps, 1), 1))) / 2


def numbers_of(batch: ClipBatch) -> Int[Tensor, " b"]:
    """A number for each video of a batch, the same in all processes and runs; none is 0."""
    digests = (blake2b(name.encode(), digest_size=7).digest() for name in batch.ids)
    return torch.tensor([1 + int.from_bytes(each, "little") for each in digests], device=batch.luma.device)


@final
class Queue(nn.Module):
    """The last keys, as many whole batches as have room, the newest in place of the oldest; at first random ones.

    It knows of which video each is: in a small collection a video's own key of an epoch ago is no negative.
    """

    keys: Tensor
    videos: Tensor
    place: Tensor

    def __init__(self, length: int, batch_size: int, width: int) -> None:
        super().__init__()
        batches = max(1, length // batch_size)
        self.register_buffer("keys", functional.normalize(torch.randn(batches * batch_size, width), dim=1))
        self.register_buffer("videos", torch.zeros(batches * batch_size, dtype=torch.long))
        self.register_buffer("place", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def push(self, keys: Float[Tensor, "b d"], videos: Int[Tensor, " b"]) -> None:
        """Put in a step's keys and the numbers of their videos, those of all processes in the order of their ranks."""
        batch = functional.normalize(process_group.gather(keys).to(self.keys.dtype), dim=1)
        rows = (int(self.place) + torch.arange(len(batch), device=batch.device)) % len(self.keys)
        self.keys[rows], self.videos[rows] = batch, process_group.gather(videos)
        self.place.fill_((int(self.place) + len(batch)) % len(self.keys))

    def own(self, videos: Int[Tensor, " b"]) -> Bool[Tensor, "b n"]:
        """Which keys are of each of these videos."""
        return videos[:, None] == self.videos

    def ages(self, batch_size: int) -> Float[Tensor, " n"]:
        """How many steps ago each key was put in, 0 for the newest."""
        behind = (self.place - 1 - torch.arange(len(self.keys), device=self.keys.device)) % len(self.keys)
        ages: Tensor = (behind // batch_size).float()
        return ages
