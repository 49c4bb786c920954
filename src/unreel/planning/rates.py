"""What a device does in a second, and where that number comes from: measured here, given, or a share of its peak."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from time import perf_counter, process_time

import torch

from unreel import models
from unreel.engine.device import one_thread
from unreel.errors import SettingsError
from unreel.settings.encoder import EncoderSettings
from unreel.video.clips.profile import checked, stages
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.moving_shapes.synth import MovingShapes, render_collection

PEAKS: Mapping[str, float] = {
    "A100": 312,
    "A10": 125,
    "B200": 2250,
    "H100": 989,
    "H100-PCIe": 756,
    "H200": 989,
    "L4": 121,
    "L40S": 362,
    "RTX-4090": 165,
}
"""10¹² operations per second in bfloat16 without sparsity, as NVIDIA's data sheets give them (H100: SXM)."""
CLIPS_MEASURED = {"cpu": 2, "cuda": 16, "mps": 4}
LOOKS = 2
_LOWER = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}

_SIDE, _FRAMES = 128, 16
DECODED = 740.0
"""Clips per second of one core, of 16 frames of a prepared file of 128 pixels (docs/speed.md, "key 12")."""
PREPARED = 29_000.0
"""Bytes per second of prepared video of 128 pixels (docs/speed.md, "key 12")."""
_WHERE = "docs/speed.md: 48 videos of 128 px, a core of an AMD EPYC, 2026-11-24"
_SYNTHESISED, _LOWEST_SIDE, _BATCH = 4, 32, 8


@dataclass(frozen=True)
class Rate:
    """Something per second, and where the number comes from."""

    per_second: float
    source: str


@dataclass(frozen=True)
class EncoderSpeed:
    """Seconds to learn from a clip, measured once for each encoder, on a device and in a precision.

    On CPUs by the time that one of them computes, divided by the `threads` of a run: what else runs there now
    does not count, nor what is lost between threads.
    """

    device: str
    precision: str = "32-true"
    threads: int = 1
    _known: dict[EncoderSettings, float] = field(default_factory=dict, repr=False)

    def __call__(self, settings: EncoderSettings) -> float:
        """The best of two looks, after one to warm up."""
        if settings not in self._known:
            self._known[settings] = self._measured(settings)
        return self._known[settings]

    def _measured(self, settings: EncoderSettings) -> float:
        count = CLIPS_MEASURED.get(self.device, 2)
        encoder = models.build_from(settings).to(self.device).train()
        clips = torch.zeros(count, 3, settings.clip_length, settings.size, settings.size, device=self.device)
        best, now = float("inf"), process_time if self.device == "cpu" else perf_counter
        with one_thread():
            for _ in range(1 + LOOKS):
                started = now()
                with torch.autocast(self.device, _LOWER.get(self.precision), enabled=self.precision in _LOWER):
                    level5 = encoder(clips)[5]
                gradients = torch.autograd.grad(level5.float().mean(), list(encoder.parameters()))
                gradients[0].sum().item()  # waits for the device
                best = min(best, now() - started)
        return best / count / self.threads


def learning_measured(settings: EncoderSettings, precision: str) -> Rate:
    """Clips per second that the device of this machine learns from."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    threads = 1 if device == "cuda" else torch.get_num_threads()
    named = torch.cuda.get_device_name() if device == "cuda" else f"a CPU, one thread's time by {threads}"
    seconds = EncoderSpeed(device, precision, threads)(settings)
    return Rate(1 / seconds, f"measured here and now: {named}, {precision}, {CLIPS_MEASURED[device]} clips at once")


def learning_from_peak(operations: float, gpu: str, utilisation: float) -> Rate:
    """Clips per second of a GPU that reaches that share of its peak; `operations` are those per clip.

    Raises:
        SettingsError: there is no such GPU in the table.
    """
    known = {name.casefold(): name for name in PEAKS}
    name = known.get(gpu.casefold().replace(" ", "-"))
    if name is None:
        near = get_close_matches(gpu.casefold(), known, n=1)
        hint = f"did you mean {known[near[0]]}?" if near else f"there are: {', '.join(PEAKS)}."
        raise SettingsError(f"got --gpu {gpu!r}, whose peak is not known; {hint} Of others, give --clips-per-second.")
    source = f"assumed: {utilisation:.0%} of the {PEAKS[name]:g} TFLOP/s (bf16, dense) of the {name}'s data sheet"
    return Rate(utilisation * PEAKS[name] * 1e12 / operations, source)


def decoding_documented(settings: EncoderSettings) -> Rate:
    """Clips per second that one core reads: the figure of the documents, by the pixels of these clips."""
    share = (settings.prepared_side / _SIDE) ** 2 * settings.clip_length / _FRAMES
    scaled = "" if share == 1 else f"; {DECODED:g}, taken to fall with the pixels ({share:.2f} times as many)"
    return Rate(DECODED / share, f"{_WHERE}{scaled}")


def decoding_measured(manifest: Manifest, clip_length: int, source: str) -> Rate:
    """Clips per second that one core of this machine reads, hands over from a worker and all.

    Raises:
        CollectionError: no video is as long as a clip.
    """
    seconds = sum(stages(manifest, clip_length, _BATCH).values())
    return Rate(2 / seconds, f"measured here and now: one core, {len(checked(manifest, clip_length))} {source}")


def synthesised(folder: Path, settings: EncoderSettings) -> Manifest:
    """A few videos made on the spot and prepared for that encoder."""
    side = max(_LOWEST_SIDE, settings.prepared_side)
    shapes = MovingShapes(_SYNTHESISED, side=side, frames=max(64, 2 * settings.clip_length))
    videos = render_collection(folder / "videos", shapes, workers=1)
    return prepare(videos, folder / "prepared", PrepareOptions(settings.prepared_side))


@dataclass(frozen=True)
class Files:
    """Prepared videos: `size` bytes and `seconds` of one on the mean, `count` where a folder told, and which source."""

    size: float
    seconds: float
    source: str
    count: int | None = None


def files_documented(settings: EncoderSettings, seconds: float) -> Files:
    """Files of so many seconds, by the figure of the documents and the pixels of these frames."""
    share = (settings.prepared_side / _SIDE) ** 2
    scaled = "" if share == 1 else f", taken to grow with the pixels ({share:.2f} times as many)"
    source = f"{PREPARED / 1e3:.0f} KB per second of video ({_WHERE}){scaled}"
    return Files(PREPARED * share * seconds, seconds, source)


def files_of(manifest: Manifest, folder: Path) -> Files:
    """What the files of a prepared folder are like.

    Raises:
        SettingsError: none of them can be used.
    """
    usable = manifest.usable
    if not usable or not manifest.side:
        raise SettingsError(f"got --prepared {folder}, which holds no prepared videos. See unreel prepare --help.")
    size = sum(manifest.file(record).stat().st_size for record in usable) / len(usable)
    seconds = sum(record.frames / record.fps for record in usable) / len(usable)
    return Files(size, seconds, f"{len(usable):,} prepared videos of {folder}, {manifest.side} px", len(usable))
