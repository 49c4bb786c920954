"""Where an encoder looks: how alike every position of a clip's feature map is to the mean feature of another clip.

    map of one clip    (c t h w) ──┐
                                   ├─ cosine at every position ──▶ (t h w)
    mean of the other  (c)       ──┘

The maps are taken as the encoder gives them, normalised and rectified, and are not centred. Weighted by the lengths of
the positions' vectors, the cosines of one clip add up to the similarity of the two means, by which retrieval ranks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from unreel.checkpoint import LoadedEncoder
from unreel.errors import CollectionError
from unreel.evaluation.features import centre_of
from unreel.settings.encoder import EncoderSettings
from unreel.types import Level
from unreel.video.clips.datasets import Videos, region, stacked
from unreel.video.clips.sampling import TimeScale
from unreel.video.collection.manifest import Manifest, VideoRecord


@dataclass(frozen=True)
class Correspondence:
    """Two clips at one level: each position's cosine with the mean of the other clip, and that of the two means."""

    level: Level
    query: Float[np.ndarray, "t h w"]
    hit: Float[np.ndarray, "t h w"]
    similarity: float


@dataclass(frozen=True)
class ClipPair:
    """The middle clips of two videos as an encoder is shown them (RGB, 0 to 255), and what it finds alike in them."""

    encoder: str
    ids: tuple[str, str]
    query: UInt8[np.ndarray, "f s s 3"]
    hit: UInt8[np.ndarray, "f s s 3"]
    levels: tuple[Correspondence, ...]


def correspondence(maps: Float[Tensor, "c t h w"], mean: Float[Tensor, " c"]) -> Float[Tensor, "t h w"]:
    """The cosine of every position with `mean`; 0 where one of the two is 0."""
    return torch.einsum("cthw,c->thw", functional.normalize(maps, dim=0), functional.normalize(mean, dim=0))


def corresponding_clips(
    encoder: LoadedEncoder,
    manifest: Manifest,
    query: str,
    hit: str,
    levels: Sequence[Level] = (),
    *,
    device: str = "cpu",
) -> ClipPair:
    """What the encoder finds alike in the middle clips of two videos of a collection; short videos are looped.

    `levels`: those of the encoder that are looked at; none: all.

    Raises:
        CollectionError: one is not among the usable videos.
        VideoError: one cannot be read any more.
    """
    chosen = [encoder.encoder.find_level(level) for level in levels or encoder.encoder.channels]
    records = [_record(manifest, video) for video in (query, hit)]
    shown = torch.cat([_middle_clip(manifest, record, encoder.settings, device) for record in records])
    with torch.inference_mode():
        pyramid = encoder.encoder.to(device)(shown)
    pixels = ((shown + 1) * 127.5).round().byte().permute(0, 2, 3, 4, 1).cpu().numpy()
    found = tuple(_level(level, pyramid[level].float()) for level in chosen)
    return ClipPair(encoder.name, (query, hit), pixels[0], pixels[1], found)


def _level(level: Level, maps: Float[Tensor, "2 c t h w"]) -> Correspondence:
    means = maps.mean(dim=(2, 3, 4))
    query, hit = (correspondence(maps[own], means[1 - own]).cpu().numpy() for own in (0, 1))
    return Correspondence(level, query, hit, float(functional.cosine_similarity(means[0], means[1], dim=0)))


def _middle_clip(
    manifest: Manifest, record: VideoRecord, settings: EncoderSettings, device: str
) -> Float[Tensor, "1 3 t s s"]:
    """The centre of the clip in the middle of the video, in [-1, 1]."""
    length, videos = settings.clip_length, Videos(manifest, [record], None, TimeScale.of(settings))
    clips = videos.read(0, [max(len(videos.numbers(0)) - length, 0) // 2], length)
    sample = stacked(record.id, 0, [region(clip, manifest.side, (0.5, 0.5)) for clip in clips])
    return centre_of(sample, settings.size, device)


def _record(manifest: Manifest, video: str) -> VideoRecord:
    records = {record.id: record for record in manifest.usable}
    if video in records:
        return records[video]
    near = get_close_matches(video, records, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {len(records)}, as {next(iter(records), 'none')!r}"
    raise CollectionError(f"{manifest.source or manifest.root} holds no usable video {video!r}; {hint}")
