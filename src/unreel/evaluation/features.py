"""From an encoder and a collection to one feature vector per clip or per video."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unreel.augment import CENTRE_SHARE, apply_views, centre_draws
from unreel.engine.progress import ProgressBar
from unreel.evaluation.protocols import GAP, Protocol
from unreel.evaluation.resized import centre_of_resized
from unreel.models import Encoder
from unreel.settings.encoder import EncoderSettings
from unreel.types import Level
from unreel.video.clips.datasets import EvaluationDataset, Failure, Sample
from unreel.video.clips.loading import evaluation_samples
from unreel.video.clips.sampling import TimeScale, equally_spaced_starts, starts_of_centres
from unreel.video.collection.manifest import Manifest, VideoRecord

CLIPS_AT_ONCE = 64


@dataclass(frozen=True)
class Features:
    """Feature vectors of the videos that could be read, in the order asked for.

    `clips` holds what the protocol keeps of each clip, or one vector where it keeps their mean only; `missing` the id
    and reason of each video that could not be read any more.
    """

    ids: tuple[str, ...]
    clips: Float[np.ndarray, "n v c"]
    missing: dict[str, str]

    @property
    def videos(self) -> Float[np.ndarray, "n c"]:
        """One vector per video: the mean over its clips."""
        return self.clips[:, 0] if self.clips.shape[1] == 1 else np.asarray(self.clips.mean(axis=1))


@final
class FeatureExtractor:
    """Runs an encoder over videos, as a protocol says."""

    def __init__(
        self,
        encoder: Encoder,
        settings: EncoderSettings,
        *,
        level: Level | None = None,
        protocol: Protocol = GAP,
        device: torch.device | str = "cpu",
    ) -> None:
        self._encoder, self._settings, self._device = encoder, settings, torch.device(device)
        self._level = encoder.top if level is None else level
        self._protocol = protocol

    def features(
        self,
        manifest: Manifest,
        records: Sequence[VideoRecord],
        *,
        clips: int | None = None,
        workers: int | None = None,
        description: str = "embedding",
    ) -> Features:
        """The features of `clips` clips of each of the videos; default: as many as the protocol has."""
        levels = (self._level,)
        return self.by_level(manifest, records, levels, clips=clips, workers=workers, description=description)[
            levels[0]
        ]

    def by_level(
        self,
        manifest: Manifest,
        records: Sequence[VideoRecord],
        levels: Sequence[Level],
        *,
        clips: int | None = None,
        workers: int | None = None,
        description: str = "embedding",
    ) -> dict[Level, Features]:
        """The features of several levels, from one pass through the encoder."""
        clips = clips or self._protocol.clips
        dataset = EvaluationDataset(
            manifest,
            records,
            self._settings.clip_length,
            clips,
            starts=starts_of_centres if self._protocol.starts == "down" else equally_spaced_starts,
            whole=self._protocol.frame is not None,
            scale=TimeScale.of(self._settings),
        )
        ids: list[str] = []
        kept = clips if self._protocol.each_clip else 1
        tables = {level: _Table(len(records), kept, self._encoder.channels[level]) for level in levels}
        missing: dict[str, str] = {}
        waiting: list[Sample] = []
        with ProgressBar(description, len(records)) as bar:
            for sample in evaluation_samples(dataset, workers):
                bar.advance()
                if isinstance(sample, Failure):
                    missing[sample.id] = sample.reason
                    continue
                ids.append(sample.id)
                waiting.append(sample)
                if len(waiting) * clips >= CLIPS_AT_ONCE:
                    self._encode(waiting, tables)
                    waiting = []
        if waiting:
            self._encode(waiting, tables)
        return {level: Features(tuple(ids), table.rows, missing) for level, table in tables.items()}

    @torch.inference_mode()
    def _encode(self, samples: Sequence[Sample], tables: dict[Level, "_Table"]) -> None:
        """Append the vectors of the samples to the table of each level."""
        pyramid = self._encoder(self._shown(samples))
        for level, table in tables.items():
            pooled = self._protocol.pooled(pyramid[level])
            vectors = pooled.view(len(samples), -1, pooled.shape[1])
            if not self._protocol.each_clip:
                vectors = vectors.double().mean(dim=1, keepdim=True)
            table.append(vectors.float().cpu().numpy())

    def _shown(self, samples: Sequence[Sample]) -> Float[Tensor, "b 3 t h w"]:
        """What the encoder is shown of all clips of the samples."""
        size, frame = self._settings.size, self._protocol.frame_for(self._settings.size)
        if frame is not None:
            shown = (centre_of_resized(*sample.tensors(self._device), frame, size) for sample in samples)
            return torch.cat(list(shown))
        luma, chroma, to_rgb = zip(*(sample.tensors(self._device) for sample in samples), strict=True)
        matrices = torch.cat([matrix.expand(len(each), 3, 4) for matrix, each in zip(to_rgb, luma, strict=True)])
        draws = centre_draws(len(matrices), CENTRE_SHARE)
        return apply_views(torch.cat(luma), torch.cat(chroma), matrices, draws, size)


def centre_of(sample: Sample, size: int, device: torch.device | str) -> Float[Tensor, "v 3 t {size} {size}"]:
    """What an encoder is shown of the clips of a sample: the centre of each, as `gap` has it."""
    luma, chroma, to_rgb = sample.tensors(device)
    return apply_views(luma, chroma, to_rgb.expand(len(luma), 3, 4), centre_draws(len(luma), CENTRE_SHARE), size)


@final
class _Table:
    """Vectors (v c) of one video after the other, in memory that is taken once; c is known from the first on."""

    def __init__(self, videos: int, clips: int, width: int) -> None:
        self._videos, self._filled = videos, 0
        self._table = np.zeros((0, clips, width), dtype=np.float32)

    @property
    def rows(self) -> Float[np.ndarray, "n v c"]:
        """What was appended."""
        return self._table[: self._filled]

    def append(self, vectors: Float[np.ndarray, "n v c"]) -> None:
        """Add the vectors of some videos."""
        if not self._filled:
            self._table = np.empty((self._videos, *vectors.shape[1:]), dtype=np.float32)
        self._table[self._filled : self._filled + len(vectors)] = vectors
        self._filled += len(vectors)
