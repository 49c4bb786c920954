"""unreel learns from unlabelled video.

Pretrain a 3-D CNN on a folder of videos with HDC (Hierarchically Decoupled Spatial-Temporal Contrast), judge what it
has learned, embed the collection and look at it. Start with `unreel --help`.
"""

from importlib.metadata import version

__version__ = version("unreel")
