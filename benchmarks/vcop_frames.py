"""How near the features of the protocol `vcop` are to those of its authors' steps, on some videos of a folder.

    python benchmarks/vcop_frames.py weizmann

Their steps: decode a file whole, to RGB as PyAV makes it; for each centre of linspace(8, L−8, 10) take 16 frames,
resize them with Pillow to 171×128, cut the centre of 112×112 out; encode, pool by 1×2×2, flatten, take the mean over
clips. Only the range of pixels, [−1, 1], is ours. The encoder is a 3D-ResNet18 of a quarter of the channels with random
weights. Prints the cosine of both features for the prepared and for the original files, and that of different videos.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn import functional

from unreel import models
from unreel.evaluation.features import FeatureExtractor
from unreel.evaluation.protocols import VCOP
from unreel.settings.encoder import EncoderSettings
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepared

VIDEOS = 10
SETTINGS = EncoderSettings(width=0.25)


def clips(path: Path) -> Iterator[Float[Tensor, "3 16 112 112"]]:
    """What the authors' steps show of a video."""
    with av.open(str(path)) as container:
        frames = [Image.fromarray(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    resized = [np.asarray(frame.resize((171, 128), Image.Resampling.BILINEAR)) for frame in frames]
    for centre in np.linspace(8, len(frames) - 8, 10):
        first = int(centre - 8)
        clip = np.stack(resized[first : first + 16])[:, 8:120, 30:142]
        yield torch.from_numpy(clip).permute(3, 0, 1, 2) / 255 * 2 - 1


@torch.inference_mode()
def feature(encoder: models.Encoder, path: Path) -> Float[np.ndarray, " k"]:
    """The feature of a video by the authors' steps."""
    maps = encoder(torch.stack(list(clips(path))))[5]
    return functional.max_pool3d(maps, (1, 2, 2)).flatten(1).double().mean(dim=0).numpy()


def main(folder: Path) -> None:
    """Compare and print."""
    torch.manual_seed(0)
    encoder = models.build_from(SETTINGS).eval()
    manifest = prepared(folder, PrepareOptions(SETTINGS.prepared_side))
    long_enough = [video for video in manifest.usable if video.frames >= 16]
    videos = long_enough[:: max(1, len(long_enough) // VIDEOS)][:VIDEOS]
    ours = _unit(FeatureExtractor(encoder, SETTINGS, protocol=VCOP).features(manifest, videos).videos)
    for name, files in (
        ("prepared files", [manifest.file(video) for video in videos]),
        ("original files", [folder / video.id for video in videos]),
    ):
        theirs = _unit(np.stack([feature(encoder, file) for file in files]))
        _print(f"same video, {name}", (ours * theirs).sum(axis=1))
    _print("different videos", (ours @ ours.T)[np.triu_indices(len(ours), 1)])


def _unit(vectors: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    return np.asarray(vectors / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True))


def _print(name: str, cosines: Float[np.ndarray, " n"]) -> None:
    print(f"{name}: {len(cosines)} cosines, {cosines.min():.4f} to {cosines.max():.4f}, mean {cosines.mean():.4f}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/vcop_frames.py FOLDER")
    main(Path(sys.argv[1]))
