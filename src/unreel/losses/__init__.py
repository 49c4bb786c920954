"""Contrastive losses: InfoNCE (Eqs. 1 and 3) and HD-NCE (Eq. 6)."""

from unreel.losses.hdnce import hdnce
from unreel.losses.infonce import InfoNCE, infonce

__all__ = ["InfoNCE", "hdnce", "infonce"]
