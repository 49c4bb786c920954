"""Whether a GPU could run all kernels: they are compiled for one, which needs none."""

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from unreel.augment import triton_kernels as of_views
from unreel.models import triton_kernels as of_norms

TARGET = GPUTarget("cuda", 90, 32)
TYPES = {"luma": "*u8", "chroma": "*u8", "step": "i64", "other_step": "i64", "places": "*fp32", "matrix": "*fp32"}
MAPS = ("maps", "added", "out", "gradient", "of_maps", "of_added", "view")
COUNTS = ("frames", "matrices", "height", "width", "size", "positions", "channels", "span")
SIZES = {"ROWS": 64, "COLUMNS": 64, "PIXELS": 512}


def compiled(kernel: triton.JITFunction, maps: str, **switches: bool) -> None:
    """Compile a kernel for maps of that type; what a switch leaves out is None."""
    constants: dict[str, int | None] = {
        name: value for name, value in (SIZES | switches).items() if name in kernel.arg_names
    }
    if not switches.get("ADDED", True):
        constants |= {name: None for name in ("added", "of_added") if name in kernel.arg_names}
    if not switches.get("RECTIFIED", True) and "gradient" in kernel.arg_names:
        constants["out"] = None
    signature = {}
    for name in kernel.arg_names:
        kind = maps if name in MAPS else "i32" if name in COUNTS else TYPES.get(name, "*fp32")
        signature[name] = "constexpr" if name in constants else kind
    made = triton.compile(ASTSource(kernel, signature, constants), target=TARGET)
    assert made.asm["cubin"]
    print(kernel.__name__, maps, switches)


if __name__ == "__main__":
    for maps in ("*fp32", "*bf16"):
        compiled(of_norms.statistics, maps)
        for rectified in (False, True):
            compiled(of_norms.sums, maps, RECTIFIED=rectified)
            for added in (False, True):
                compiled(of_norms.apply, maps, ADDED=added, RECTIFIED=rectified)
                compiled(of_norms.gradients, maps, ADDED=added, RECTIFIED=rectified)
        compiled(of_views.means, maps)
        compiled(of_views.frames_of_view, maps)
