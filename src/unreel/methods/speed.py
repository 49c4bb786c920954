"""Clips shown at another speed."""

from unreel.rng import Draw


def pace_drawn(draw: Draw, paces: int) -> int:
    """Every how-manieth frame a video's clip has, 1 to `paces`, all alike likely."""
    return 1 + int(draw("pace").integers(paces))
