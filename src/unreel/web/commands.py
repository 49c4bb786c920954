"""The commands that the page prints for the labels given in it, so that they run as they are printed."""

import shlex
from collections import Counter
from collections.abc import Sequence
from typing import Final

from unreel.web.labels import COLUMN
from unreel.web.selection import SelectedVideo
from unreel.web.site import Site

FOLDS: Final = 3
"""One of so many is held out for the test, where each label has enough videos."""
LARGEST_BATCH: Final = 32
TIMES: Final = 50
"""How often each video is learnt from."""


def finetune_command(site: Site, given: Sequence[tuple[SelectedVideo, str]]) -> str:
    """The command for labels that were given; "" where there is only one label yet, or no file left of two.

    The table is the collection: it names pieces too, and near duplicates among videos without a label are no leaks.
    """
    there = [(item, label) for item, label in given if site.originals.find(item.video.row).path is not None]
    counts = Counter(label for _, label in there)
    if len(counts) < 2:
        return ""
    tested = min(counts.values()) >= FOLDS and not any(item.is_piece for item, _ in there)  # pieces may overlap
    learnt = sum(count - (-(-count // FOLDS) if tested else 0) for count in counts.values())
    batch = min(LARGEST_BATCH, max(1, learnt // 2))  # files that are too short are left out
    weights = site.catalogue.shown[0].table.facts.weights
    words = ["unreel", "finetune", str(site.labels.path), "--label", COLUMN, "--weights", weights]
    sizes = f"--out runs/labels-{len(there)} --batch-size {batch} --steps {TIMES * learnt // batch}"
    return shlex.join([*words, *sizes.split(), *(["--test-fold", "1", str(FOLDS)] if tested else [])])


def predict_command(site: Site) -> str:
    """The command that names all other videos of the first table by the labels so far."""
    table = site.catalogue.shown[0].table.place
    return shlex.join(["unreel", "predict", table, "--labels", str(site.labels.path), "--out", "predictions.csv"])
