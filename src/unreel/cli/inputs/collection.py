"""The options that all verbs have which look through a collection."""

from pathlib import Path
from typing import Any

import tyro

from unreel.cli.inputs.limits import LimitSettings
from unreel.engine.executor import EngineName
from unreel.settings.model import PositiveWorkers
from unreel.video.collection.layouts import LayoutName


class CollectionSettings(LimitSettings):
    """Which videos there are, and who looks at them."""

    source: tyro.conf.Positional[Path]
    """Folder of videos; or a list: one path a line, perhaps a label."""
    include: str | None = None
    """Regular expression: only videos in whose path it is found, as in '^(walks|runs)/'."""
    exclude: str | None = None
    """Regular expression: no video in whose path it is found."""
    layout: LayoutName = "folder"
    """Any folder of videos, or a data set whose official lists give classes, groups and splits."""
    lists: Path | None = None
    """Folder of these lists; default: they are looked for in the folder of videos and beside it."""
    group_pattern: str | None = None
    """Regular expression whose first group, found in a video's path, names its group (person, source)."""
    labels: str = "auto"
    """Where labels come from: auto (a labels.csv in the folder, else folders where they look like classes: every video
    one folder deep, several folders, several videos in each), none, folders (the first of each path), or a table."""
    workers: PositiveWorkers | None = None
    """Processes that decode; default: one for each CPU."""
    engine: EngineName = "local"
    """Where to work: on this machine, or on a Ray cluster whose nodes all see the files under the same path."""

    def options(self) -> dict[str, Any]:
        """The same for those who look through the collection, all but where it is and goes to."""
        chosen = self.model_dump(exclude={"source", "out", "seconds_per_file", "memory_per_file"})
        return chosen | {"limits": self.limits()}
