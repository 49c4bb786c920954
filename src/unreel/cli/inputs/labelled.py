"""The options of all verbs that evaluate on labelled videos."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from unreel.cli.inputs.encoder import EncoderCode
from unreel.settings.model import Workers
from unreel.video.collection.layouts import LayoutName

if TYPE_CHECKING:
    from unreel.video.collection.manifest import Manifest


class LabelledSettings(EncoderCode):
    """What is evaluated on which videos, and where that is computed."""

    run: tyro.conf.Positional[Path]
    """Run folder, one of its checkpoints, a weights file, or the name of an encoder that comes with unreel."""
    folder: tyro.conf.Positional[Path]
    """Folder of videos, or of prepared videos; an unprepared one is prepared on the way."""
    split: tuple[str, ...] = ()
    """Official splits to evaluate on, each by itself; all: all there are."""
    labels: str = "auto"
    """Where labels come from: auto (a labels.csv in the folder, else folders where they look like classes: every video
    one folder deep, several folders, several videos in each), none, folders (the first of each path), or a table."""
    group_pattern: str | None = None
    """Regular expression whose first group, found in a video's path, names its group (person, source)."""
    layout: LayoutName = "folder"
    """Data set whose official lists give classes, groups and splits; a prepared folder has them already."""
    lists: Path | None = None
    """Folder of these lists; default: they are looked for in the folder of videos and beside it."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    loader_workers: Workers | None = None
    """Processes that decode; default: chosen by the size of the collection."""

    def manifest(self, side: int) -> "Manifest":
        """The videos, prepared for an encoder that needs their shorter side so long."""
        from unreel.video.collection.options import PrepareOptions
        from unreel.video.collection.prepare import prepared

        chosen = {name: getattr(self, name) for name in ("group_pattern", "layout", "lists", "labels")}
        return prepared(self.folder, PrepareOptions(side, **chosen))
