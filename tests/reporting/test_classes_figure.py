"""Classes on paper: every count and every bar where it belongs, for two classes and for a hundred and one."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from unreel.reporting.classes import ClassRow, ClassTable
from unreel.reporting.classes_figure import print_classes, print_confusion
from unreel.reporting.confusion import Confusion
from unreel.reporting.coverage import MissingVideos
from unreel.reporting.paper_figure import COLOURS

FEWER = MissingVideos(("hdc",), 3780, 3783, {"a.avi": "truncated", "b.avi": "", "c.avi": ""})


def _texts(figure: Figure) -> list[str]:
    return [each.get_text() for each in figure.findobj(Text) if each.get_text()]


def _boxes(group: PolyCollection) -> list[np.ndarray]:
    """The corners of every box."""
    return [np.asarray(path.vertices) for path in group.get_paths()]


@pytest.mark.parametrize("classes", [2, 101])
def test_every_count_is_printed_in_its_cell(classes: int) -> None:
    counts = np.diag(np.arange(1000, 1000 + classes))
    counts[0, 1] = 7
    names = tuple(f"class {number}" for number in range(classes))
    figure = print_confusion(Confusion("hdc", "class of tiny", names, counts, [FEWER]))
    texts = _texts(figure)
    assert all(texts.count(name) == 2 for name in names)
    assert [text for text in texts if text.isdecimal()] == [
        str(counts[row, column]) for row, column in np.argwhere(counts)
    ]
    (group,) = figure.findobj(PolyCollection)
    cells = _boxes(group)
    assert len(cells) == classes + 1
    assert cells[1][:, 0].min() > cells[0][:, 0].min()  # right of the first, in the same row
    assert cells[1][:, 1].min() == cells[0][:, 1].min()
    said = " ".join(texts)
    assert f"hdc: class of tiny: {sum(counts.diagonal()):,} of {counts.sum():,} right." in said
    assert "⚠ hdc: 3,780 of 3,783 videos seen; not seen: a.avi, b.avi, c.avi" in said


def test_everything_lies_on_the_sheet() -> None:
    names = ("a", "a class of an uncommonly long name")
    figure = print_confusion(Confusion("a run of an uncommonly long name", "class", names, np.eye(2, dtype=int), []))
    width, height = figure.get_size_inches() * figure.dpi
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    for text in figure.findobj(Text):
        box = text.get_window_extent(renderer)
        assert not text.get_text() or (box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height)


def test_bars_are_as_long_as_their_percent() -> None:
    rows = [ClassRow("walk", 9, [[100.0, 50.0], [25.0, None]]), ClassRow("run", 8, [[None, None], [0.0, 10.0]])]
    table = ClassTable("Retrieval by class", ["untrained", "hdc"], ["R@1", "mAP"], rows)
    figure = print_classes(table, ["Measured on tiny."], [FEWER])
    _, _, *panels = figure.findobj(PolyCollection)  # two of the key
    lengths = [[float(np.ptp(box[:, 0])) for box in _boxes(panel)] for panel in panels]
    assert lengths[0][1] == pytest.approx(lengths[0][0] / 4)
    assert lengths[0][2] == pytest.approx(0.01)  # nothing is still a line
    assert lengths[1] == pytest.approx([lengths[0][0] / 2, lengths[0][0] / 10])
    texts = _texts(figure)
    assert {"walk", "run", "9", "8", "untrained", "hdc", "R@1, percent", "mAP, percent"} <= set(texts)
    assert "⚠ hdc: 3,780 of 3,783 videos seen" in " ".join(texts)
    assert "Measured on tiny." in texts


def test_many_columns_share_a_key_of_several_lines() -> None:
    columns = [f"an encoder with a long name {number}" for number in range(9)]
    table = ClassTable("Retrieval by class", columns, ["R@1"], [ClassRow("walk", 9, [[50.0]] * 9)])
    figure = print_classes(table, [], [])
    names = [each for each in figure.findobj(Text) if each.get_text() in columns]
    assert len(names) == 9
    assert len({each.get_position()[1] for each in names}) > 1
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    assert all(each.get_window_extent(renderer).x1 <= figure.get_size_inches()[0] * figure.dpi for each in names)
    assert len(COLOURS) == 9
