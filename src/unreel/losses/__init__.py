"""Contrastive losses, InfoNCE (Eqs. 1 and 3) and HD-NCE (Eq. 6), and figures that show collapse."""

from unreel.losses.geometry import alignment, effective_rank, uniformity
from unreel.losses.hdnce import hdnce, watch
from unreel.losses.infonce import InfoNCE, infonce
from unreel.losses.standardise import standardised

__all__ = ["InfoNCE", "alignment", "effective_rank", "hdnce", "infonce", "standardised", "uniformity", "watch"]
