"""What a device does in a second, and where the number comes from: measured here, documented, or a share of a peak."""

from dataclasses import dataclass
from functools import cache
from time import perf_counter, process_time

import torch

from unreel import models
from unreel.engine.device import one_thread
from unreel.errors import SettingsError
from unreel.settings.encoder import EncoderSettings
from unreel.video.clips.profile import checked, stages
from unreel.video.collection.manifest import Manifest

PEAKS = {"A100": 312, "A10": 125, "B200": 2250, "H100": 989, "H200": 989, "L4": 121, "L40S": 362, "RTX-4090": 165}
"""10¹² operations per second in bfloat16 without sparsity, as NVIDIA's data sheets give them (H100: SXM)."""
CLIPS_MEASURED = {"cpu": 2, "cuda": 16, "mps": 4}
LOOKS = 2
_LOWER = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}

DECODED = 740.0
"""Clips per second of one core, of 16 frames of a prepared file of 128 pixels (docs/speed.md, "key 12")."""
PREPARED = 29_000.0
"""Bytes per second of prepared video of 128 pixels (docs/speed.md, "key 12")."""
_DOCUMENTED = "docs/speed.md: 48 videos of 128 px, a core of an AMD EPYC, 2026-11-24"
_SIDE, _FRAMES, _BATCH = 128, 16, 8


@dataclass(frozen=True)
class Rate:
    """Something per second, and where the number comes from."""

    per_second: float
    source: str


@dataclass(frozen=True)
class Files:
    """Bytes of a prepared video on the mean, where that comes from, and how many there are, where a folder told."""

    size: float
    source: str
    count: int | None = None


@dataclass(frozen=True)
class EncoderSpeed:
    """Seconds to learn from a clip, measured once for each encoder, on a device and in a precision.

    On CPUs by the time that one of them computes, divided by the `threads` of a run: what else runs there now
    does not count, nor what is lost between threads.
    """

    device: str
    precision: str = "32-true"
    threads: int = 1

    def __call__(self, settings: EncoderSettings) -> float:
        """The best of two looks, after one to warm up."""
        return _seconds_per_clip(settings, self.device, self.precision) / self.threads


@cache
def _seconds_per_clip(settings: EncoderSettings, device: str, precision: str) -> float:
    count = CLIPS_MEASURED.get(device, 2)
    encoder = models.build_from(settings).to(device).train()
    clips = torch.zeros(count, 3, settings.clip_length, settings.size, settings.size, device=device)
    best, now = float("inf"), process_time if device == "cpu" else perf_counter
    with one_thread():
        for _ in range(1 + LOOKS):
            started = now()
            with torch.autocast(device, _LOWER.get(precision), enabled=precision in _LOWER):
                level5 = encoder(clips)[5]
            gradients = torch.autograd.grad(level5.float().mean(), list(encoder.parameters()))
            gradients[0].sum().item()  # waits for the device
            best = min(best, now() - started)
    return best / count


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
    name = gpu.upper().replace(" ", "-")
    if name not in PEAKS:
        raise SettingsError(
            f"got --gpu {gpu!r}, expected one of {', '.join(PEAKS)}; of others give --clips-per-second."
        )
    source = f"assumed: {utilisation:.0%} of the {PEAKS[name]:g} TFLOP/s (bf16, dense) of the {name}'s data sheet"
    return Rate(utilisation * PEAKS[name] * 1e12 / operations, source)


def decoding_documented(settings: EncoderSettings) -> Rate:
    """Clips per second that one core reads: the figure of the documents, which falls with the pixels of a clip."""
    share = (settings.prepared_side / _SIDE) ** 2 * settings.clip_length / _FRAMES
    return Rate(DECODED / share, f"{_DOCUMENTED}, by the pixels")


def decoding_measured(manifest: Manifest, clip_length: int) -> Rate:
    """Clips per second that one core of this machine reads, hands over from a worker and all.

    Raises:
        CollectionError: no video is as long as a clip.
    """
    read = f"{len(checked(manifest, clip_length))} videos of {manifest.root}"
    seconds = sum(stages(manifest, clip_length, _BATCH).values())
    return Rate(2 / seconds, f"measured here and now: one core, {read}")


def files_documented(settings: EncoderSettings, seconds: float) -> Files:
    """Files of so many seconds, by the figure of the documents, which grows with the pixels of a frame."""
    size = PREPARED * (settings.prepared_side / _SIDE) ** 2 * seconds
    return Files(size, f"{seconds:g} s, {PREPARED / 1e3:g} kB a second, {_DOCUMENTED}, by the pixels")


def files_of(manifest: Manifest) -> Files:
    """What the files of a prepared folder are like.

    Raises:
        SettingsError: none of them can be used.
    """
    usable = manifest.usable
    if not usable or not manifest.side:
        raise SettingsError(
            f"got --prepared {manifest.root}, which holds no prepared videos. See unreel prepare --help."
        )
    size = sum(manifest.file(record).stat().st_size for record in usable) / len(usable)
    return Files(size, f"{len(usable):,} prepared videos of {manifest.root}, {manifest.side} px", len(usable))
