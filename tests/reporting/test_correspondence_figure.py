"""Where it looks, on paper: a row per level, both clips, one colour bar."""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.text import Text

from unreel.evaluation.correspondence import ClipPair, Correspondence
from unreel.reporting.correspondence_figure import print_looks
from unreel.reporting.correspondence_maps import looks


def test_both_clips_and_all_levels_are_there_and_one_colour_bar() -> None:
    clips = np.random.default_rng(0).integers(0, 255, size=(2, 16, 8, 8, 3), dtype=np.uint8)
    maps = np.linspace(0.25, 0.75, 8).reshape(2, 2, 2)
    levels = tuple(Correspondence(level, maps, maps, 0.5) for level in (3, 4, 5))
    figure = looks(ClipPair("hdc", ("q.mp4", "h.mp4"), clips[0], clips[1], levels))
    printed = print_looks(figure, frames=4)
    assert len(printed.axes[0].images) == 2 * (1 + 3) * 4
    np.testing.assert_array_equal(printed.axes[0].images[1].get_array(), clips[0, 5])
    assert len(printed.findobj(PolyCollection)) == 1
    texts = [each.get_text() for each in printed.findobj(Text) if each.get_text()]
    assert {"Query: q.mp4", "Hit: h.mp4", "clip", "level 3", "level 4", "level 5"} <= set(texts)
    assert {"0.250", "0.500", "0.750"} <= set(texts)
    assert "not centred" in " ".join(texts)
