"""A pretraining step of any method against the encoder passes that it asks for, and its memory against HDC's.

    python benchmarks/step.py --recipe vcop-small [--width …] [--size …] [--batch …] [--rounds 5] [--out FILE]

`step.py` comes here for methods that are not HDC. "passes" are forward and backward passes of the same encoder on
clips of the same shapes, forward only where a copy encodes: what is left of a step is views, heads, loss, update.
Memory is the highest resident one of a step over what stood before, each in a process of its own; HDC's is that of a
batch with as many encoded frames.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from measuring import alternate, bars, bytes_of, ratio, show, spread, times, write
from torch import Tensor, nn
from torch.nn import functional

from unreel import methods, models
from unreel.engine.malloc import keep_freed_memory
from unreel.models import Encoder
from unreel.planning.counting import encoded_frames
from unreel.rng import draws_of
from unreel.settings.pretraining import PretrainSettings
from unreel.training.optimization import sgd
from unreel.types import ClipBatch
from unreel.video.decoding.yuv import Colour

Shapes = list[tuple[tuple[int, ...], bool]]
"""Of the clips in every call of an encoder, and whether it is learnt from."""


def noise_for(method: Any, settings: PretrainSettings) -> ClipBatch:
    """The clips that a method reads of each video of a batch, of coarse noise."""
    ids = tuple(f"{number}.mp4" for number in range(settings.batch_size))
    count, side = method.sampling.needed + 8, settings.encoder.prepared_side
    tables = torch.stack(
        [torch.from_numpy(method.sampling.frames(count, draws_of(settings.seed, 0, name)).copy()) for name in ids]
    )

    def plane(side: int, planes: int) -> Tensor:
        coarse = torch.rand(len(ids) * count, planes, 8, 8, generator=torch.Generator().manual_seed(0))
        fine = functional.interpolate(coarse, (side, side), mode="bilinear")
        videos = (16 + 219 * fine).byte().view(len(ids), count, planes, side, side)
        return torch.stack([video[table] for video, table in zip(videos, tables, strict=True)])

    to_rgb = torch.from_numpy(Colour("bt601", False).to_rgb()).expand(len(ids), 3, 4)
    return ClipBatch(plane(side, 1)[:, :, :, 0].contiguous(), plane(side // 2, 2), to_rgb, ids)


def step_of(settings: PretrainSettings) -> tuple[Callable[[], object], Shapes]:
    """A step with everything but decoding, and what it asks of encoders."""
    torch.manual_seed(settings.seed)
    method = methods.build(settings)
    optimizer, batch, shapes = sgd(method, settings), noise_for(method, settings), []

    def note(_: nn.Module, given: tuple[Tensor]) -> None:
        shapes.append((tuple(given[0].shape), torch.is_grad_enabled()))

    hooks = [each.register_forward_pre_hook(note) for each in method.modules() if isinstance(each, Encoder)]

    def step() -> None:
        optimizer.zero_grad()
        outputs = method(batch)
        method.loss(outputs).total.backward()
        optimizer.step()
        method.updated({name: each.detach() for name, each in outputs.items()}, 1)

    method(batch)
    for hook in hooks:
        hook.remove()
    return step, shapes


def passes_of(settings: PretrainSettings, shapes: Shapes) -> Callable[[], object]:
    """The encoder passes alone."""
    torch.manual_seed(settings.seed)
    encoder = models.ready(settings.encoder, settings)
    clips = [(torch.randn(shape), learnt) for shape, learnt in shapes]

    def passes() -> None:
        encoder.zero_grad()
        for each, learnt in clips:
            with torch.set_grad_enabled(learnt):
                features = encoder(each)[encoder.top].mean()
            if learnt:
                torch.autograd.backward(features)

    return passes


def memory_of(settings: PretrainSettings) -> int:
    """Bytes of a step at the highest over what stood before it; to be called in a process of its own."""
    step, _ = step_of(settings)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = bytes_of("/proc/self/status", "VmRSS")
    step()
    return bytes_of("/proc/self/status", "VmHWM") - before


def main(options: argparse.Namespace, settings_of: Callable[..., PretrainSettings]) -> None:
    """Measure, print and write."""
    keep_freed_memory()
    settings = settings_of(options)
    if options.memory:
        print(memory_of(settings))
        return
    frames = encoded_frames(settings)
    step, shapes = step_of(settings)
    laps = alternate({"step": step, "passes": passes_of(settings, shapes)}, options.rounds, "cpu")
    compared = ratio(laps["step"], laps["passes"], "cpu")
    encoded = frames.learnt + frames.followed
    as_many = max(2, round(settings.batch_size * encoded / 48))
    memory = {
        options.recipe: _in_own_process(options, options.recipe, settings.batch_size),
        "hdc": _in_own_process(options, "hdc-small", as_many),
    }
    seconds = {name: spread(each.CPU) for name, each in laps.items()}
    rows = [(name, f"{each['median']:.3f}") for name, each in seconds.items()]
    rows += [("step / passes", times(compared)), ("frames encoded per video", f"{encoded:g}")]
    rows += [(f"memory of {name}, MB", f"{each / 1e6:.0f}") for name, each in memory.items()]
    show(f"{options.recipe}, {settings.batch_size} videos of {settings.encoder.size} pixels", ("what", "figure"), rows)
    facts = {"step / passes": compared, "seconds": seconds, "frames": encoded, "memory": memory}
    write(options, {**facts, "charts": [bars(f"{options.recipe}: a step", "seconds", seconds)]})


def _in_own_process(options: argparse.Namespace, recipe: str, batch: int) -> int:
    size = [f"--{name}={value}" for name in ("width", "size") if (value := getattr(options, name)) is not None]
    command = [sys.executable, str(Path(__file__).with_name("step.py")), "--recipe", recipe, "--batch", str(batch)]
    done = subprocess.run([*command, *size, "--memory"], capture_output=True, check=True, text=True)
    return int(json.loads(done.stdout))
