"""From an encoder and a collection to one feature vector per clip or per video."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unreel.augment import CENTRE_SHARE, apply_views, centre_draws
from unreel.engine.progress import Bar
from unreel.models import Encoder
from unreel.settings.pretraining import EncoderSettings
from unreel.video.datasets import EvaluationDataset, Failure, Sample
from unreel.video.loading import evaluation_samples
from unreel.video.manifest import Manifest, VideoRecord

CLIPS_AT_ONCE = 64


@dataclass(frozen=True)
class Features:
    """Feature vectors of the videos that could be read, in the order asked for.

    `clips` holds the level's global average of each clip, `missing` the id and reason of each video that could not be
    read any more.
    """

    ids: tuple[str, ...]
    clips: Float[np.ndarray, "n v c"]
    missing: dict[str, str]

    @property
    def videos(self) -> Float[np.ndarray, "n c"]:
        """One vector per video: the mean over its clips."""
        return np.asarray(self.clips.mean(axis=1))


@final
class FeatureExtractor:
    """Runs an encoder over videos: equally spaced clips, centre crop, global average of one level."""

    def __init__(
        self, encoder: Encoder, settings: EncoderSettings, *, level: int = 5, device: torch.device | str = "cpu"
    ) -> None:
        self._encoder, self._settings, self._level, self._device = encoder, settings, level, torch.device(device)

    def features(
        self,
        manifest: Manifest,
        records: Sequence[VideoRecord],
        *,
        clips: int = 10,
        workers: int | None = None,
        description: str = "embedding",
    ) -> Features:
        """The features of `clips` clips of each of the videos."""
        levels = (self._level,)
        return self.by_level(manifest, records, levels, clips=clips, workers=workers, description=description)[
            levels[0]
        ]

    def by_level(
        self,
        manifest: Manifest,
        records: Sequence[VideoRecord],
        levels: Sequence[int],
        *,
        clips: int = 10,
        workers: int | None = None,
        description: str = "embedding",
    ) -> dict[int, Features]:
        """The features of several levels, from one pass through the encoder."""
        dataset = EvaluationDataset(manifest, records, self._settings.clip_length, clips)
        ids: list[str] = []
        vectors: dict[int, list[Tensor]] = {level: [] for level in levels}
        missing: dict[str, str] = {}
        waiting: list[Sample] = []
        with Bar(description, len(records)) as bar:
            for sample in evaluation_samples(dataset, workers):
                bar.advance()
                if isinstance(sample, Failure):
                    missing[sample.id] = sample.reason
                    continue
                ids.append(sample.id)
                waiting.append(sample)
                if len(waiting) * clips >= CLIPS_AT_ONCE:
                    self._encode(waiting, vectors)
                    waiting = []
        if waiting:
            self._encode(waiting, vectors)
        features: dict[int, Features] = {}
        for level in levels:
            width = self._encoder.channels[level]
            table = torch.cat(vectors[level]) if ids else torch.zeros(0, width)
            features[level] = Features(tuple(ids), table.numpy().reshape(len(ids), clips, width), missing)
        return features

    @torch.inference_mode()
    def _encode(self, samples: Sequence[Sample], vectors: dict[int, list[Tensor]]) -> None:
        """Append the vectors of all clips of the samples, (n c) for each level."""
        luma = torch.from_numpy(np.concatenate([sample.luma for sample in samples])).to(self._device)
        chroma = torch.from_numpy(np.concatenate([sample.chroma for sample in samples])).to(self._device)
        matrices = np.concatenate([np.repeat(sample.to_rgb[None], len(sample.luma), axis=0) for sample in samples])
        to_rgb = torch.from_numpy(matrices).to(self._device)
        clips = apply_views(luma, chroma, to_rgb, centre_draws(len(luma), CENTRE_SHARE), self._settings.size)
        pyramid = self._encoder(clips)
        for level, rows in vectors.items():
            rows.append(pyramid[level].mean(dim=(2, 3, 4)).float().cpu())
