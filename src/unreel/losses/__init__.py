"""InfoNCE (Eqs. 1 and 3) and HD-NCE (Eq. 6), cross entropy over classes, and figures that show collapse."""

from unreel.losses.classification import classification
from unreel.losses.geometry import alignment, effective_rank, uniformity
from unreel.losses.hdnce import hdnce, watch
from unreel.losses.infonce import InfoNCE, infonce
from unreel.losses.pairs import against_queue, nt_xent, predicted, unit
from unreel.losses.standardise import standardised

__all__ = [
    "InfoNCE",
    "against_queue",
    "alignment",
    "classification",
    "effective_rank",
    "hdnce",
    "infonce",
    "nt_xent",
    "predicted",
    "standardised",
    "uniformity",
    "unit",
    "watch",
]
