"""Bar charts of what a benchmark left with `--out`.

    python benchmarks/chart.py FIGURES.json [OUT.png]

One panel for each chart of the file: bars with the lowest and the highest of the rounds, and a line at the limit where
there is one. Without OUT the picture is written beside the figures.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH, BAR_HEIGHT, PANEL_MARGIN = 7.0, 0.35, 0.9  # inches


def draw(charts: list[dict[str, Any]]) -> Figure:
    """All panels, one below the other."""
    heights = [PANEL_MARGIN + BAR_HEIGHT * len(chart["bars"]) for chart in charts]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    panels = figure.subplots(len(charts), squeeze=False, height_ratios=heights)[:, 0]
    for chart, panel in zip(charts, panels, strict=True):
        _panel(panel, chart)
    return figure


def _panel(panel: Axes, chart: dict[str, Any]) -> None:
    names, found = list(chart["bars"]), list(chart["bars"].values())
    middles = [each["median"] for each in found]
    below = [each["median"] - each.get("low", each["median"]) for each in found]
    above = [each.get("high", each["median"]) - each["median"] for each in found]
    panel.barh(names, middles, xerr=[below, above], color="#4477aa", ecolor="#222222", capsize=3)
    panel.invert_yaxis()
    panel.set_title(chart["title"], loc="left", fontsize=10)
    panel.set_xlabel(chart["unit"])
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_xlim(left=0)
    if chart["limit"] is not None:
        panel.axvline(chart["limit"], color="#aa3377", linestyle="--")


def main(options: argparse.Namespace) -> None:
    """Draw and write."""
    charts = json.loads(options.figures.read_text(encoding="utf-8"))["charts"]
    out = options.out or options.figures.with_suffix(".png")
    draw(charts).savefig(out, dpi=150)
    print(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path)
    parser.add_argument("out", type=Path, nargs="?")
    main(parser.parse_args())
