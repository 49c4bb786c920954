"""How a collection is looked through, by `scan` and by `prepare`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from unreel.engine.executor import Executor
from unreel.engine.limits import DEFAULT_LIMITS, Limits
from unreel.errors import SettingsError
from unreel.video.collection.discover import Collection, grouped, select
from unreel.video.collection.labelling import AUTO
from unreel.video.collection.layouts import LayoutName, arranged
from unreel.video.collection.path_lists import collected

LOWEST_SIDE, HIGHEST_SIDE = 16, 4096


@dataclass(frozen=True, kw_only=True)
class CollectionOptions:
    """Which videos there are and who looks at them.

    `include` and `exclude` are regular expressions: a video is taken if the first is found in its path and the second
    is not. `layout` names a data set with official lists, and `lists` the folder of these (see `arranged`); `labels`
    says where labels come from (see `labelling`). `workers` is the number of processes, `limits` what each of them may
    take for a file, `engine` where to work.

    Raises:
        SettingsError: a value that makes no sense.
    """

    include: str | None = None
    exclude: str | None = None
    group_pattern: str | None = None
    labels: str = AUTO
    layout: str = "folder"
    lists: Path | None = None
    workers: int | None = None
    limits: Limits = DEFAULT_LIMITS
    engine: str = "local"

    def __post_init__(self) -> None:
        if self.layout not in get_args(LayoutName):
            raise SettingsError(f"layout is {self.layout!r}, expected one of: {', '.join(get_args(LayoutName))}.")
        if self.lists is not None and self.layout == "folder":
            raise SettingsError(
                f"lists is {self.lists}, but the layout 'folder' has none. Name the layout of the lists."
            )
        if self.layout != "folder" and (self.include, self.exclude) != (None, None):
            raise SettingsError(
                f"include and exclude choose from the layout 'folder' only, the videos of {self.layout!r} are those of "
                "its lists. Take them away."
            )
        self.pool()

    def pool(self) -> Executor:
        """Who looks at the files."""
        return Executor(self.engine, self.workers, self.limits)

    def collection(self, source: Path) -> Collection:
        """The files of a folder, or of a list of videos.

        Raises:
            CollectionError: there is no video in it, none that is asked for, or it does not fit groups or layout.
        """
        chosen = select(collected(source), self.include, self.exclude)
        return arranged(grouped(chosen, self.group_pattern), self.layout, self.lists)


@dataclass(frozen=True)
class PrepareOptions(CollectionOptions):
    """How to prepare: `side` is the shorter side of the prepared videos in pixels; `unique` leaves duplicates out.

    Raises:
        SettingsError: a value that makes no sense.
    """

    side: int = field(default=128, kw_only=False)
    unique: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not LOWEST_SIDE <= self.side <= HIGHEST_SIDE or self.side % 2:
            raise SettingsError(
                f"side is {self.side}, expected an even number of pixels from {LOWEST_SIDE} to {HIGHEST_SIDE}."
            )


@dataclass(frozen=True, kw_only=True)
class ScanOptions(CollectionOptions):
    """How to scan: `quick` decodes only the first, the middle and the last second where that shows no trouble.

    Raises:
        SettingsError: a value that makes no sense.
    """

    quick: bool = False
