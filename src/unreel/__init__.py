"""unreel learns from unlabelled video.

Pretrain a 3-D CNN on a folder of videos with HDC (Hierarchically Decoupled Spatial-Temporal Contrast), evaluate what it
has learned, embed the collection and look at it. Start with `unreel --help`, or from Python:

unreel.pretrain(videos="videos", out="runs/mine", recipe="hdc-small")
unreel.finetune(videos="labelled", weights="runs/mine", out="runs/mine-classes")
encoder = unreel.load("runs/mine")
"""

from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unreel.api import finetune, load, load_classifier, pretrain

__all__ = ["finetune", "load", "load_classifier", "pretrain"]

__version__ = version("unreel")


def __getattr__(name: str) -> object:
    # Only when asked for: torch takes seconds to import, `unreel --help` must not.
    if name in __all__:
        from unreel import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
