"""Which of the ways to make a view is taken."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from unreel.augment import triton_views
from unreel.augment.apply import apply_views
from unreel.augment.draw import ViewDraws
from unreel.augment.numba_views import apply_views_compiled
from unreel.engine.device import nvidia
from unreel.errors import SettingsError
from unreel.extras import require

MakeView = Callable[[Tensor, Tensor, Tensor, ViewDraws, int], Tensor]

PRECISIONS = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


def view_maker(compiled: bool, accelerator: str, precision: str = "32-true", seen: str = "rgb") -> MakeView:
    """`apply_views`; if `compiled`, what does the same on NVIDIA GPUs (in that precision) or on CPUs.

    `seen` is the encoder's input: differences are taken of views in float32.

    Raises:
        SettingsError: the accelerator is another GPU.
        MissingExtraError: what compiles is not installed: Triton for GPUs, numba for CPUs.
    """
    if not compiled:
        return apply_views
    if nvidia(accelerator):
        triton_views.kernels()
        chosen = PRECISIONS[precision] if seen == "rgb" else torch.float32
        return partial(triton_views.apply_views_fused, precision=chosen)
    if accelerator == "mps" or (accelerator == "auto" and torch.backends.mps.is_available()):
        raise SettingsError(
            f"compiled_views makes views on CPUs and on NVIDIA GPUs, but accelerator is {accelerator!r}, here "
            "Apple's GPU. Leave compiled_views away, or choose accelerator cpu."
        )
    require("numba", "compiled")
    return apply_views_compiled
