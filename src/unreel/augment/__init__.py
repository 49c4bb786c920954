"""Views of a clip: what is drawn (one row of numbers per clip) and how it is applied (pixels)."""

from unreel.augment.apply import apply_views
from unreel.augment.draw import CENTRE_SHARE, ViewDraws, centre_draws, draw_views

__all__ = ["CENTRE_SHARE", "ViewDraws", "apply_views", "centre_draws", "draw_views"]
