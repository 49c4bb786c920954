"""The options that all verbs have which open videos of any origin."""

from typing import Annotated

from pydantic import Field

from unreel.engine.limits import GIB, Limits
from unreel.settings.model import Seconds, Settings


class LimitSettings(Settings):
    """What a process may take that opens a file."""

    seconds_per_file: Seconds = 120.0
    """A file from which nothing comes for so long, neither bytes nor frames, is skipped, however long it may be."""
    memory_per_file: Annotated[float, Field(ge=0, le=2**20)] = 2.0
    """GiB of memory that opening a file may take, about 0.5 of them for the libraries; 0: as much as it wants."""

    def limits(self) -> Limits:
        """The same as the processes take them."""
        return Limits(self.seconds_per_file, round(self.memory_per_file * GIB))
