"""Which file of a video may be opened, and whether it is still the one that was embedded.

A table says where each video lies and which folder (or list) it came from. A file is opened only if, after all links,
it still lies inside that folder: nobody who can ask this server for a video can make it read anything else.
"""

import asyncio
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from unreel.engine.files import sha256_of
from unreel.search.rows import EmbeddingRow
from unreel.video.collection.file_names import file_named

LARGEST_CHECKED = 512 << 20
"""Bytes of a file whose content is compared; of larger ones the size must do."""

State = Literal["same", "changed", "removed", "outside"]

REASONS: dict[State, str] = {
    "same": "",
    "changed": "changed since it was embedded: what is found may not be what is shown",
    "removed": "removed since it was embedded",
    "outside": "lies outside its collection now: not shown",
}


@dataclass(frozen=True)
class Original:
    """The file of a video as it is now: `path` without links, None where it may not or cannot be opened."""

    state: State
    path: Path | None = None
    size: int = 0
    modified: int = 0

    @property
    def reason(self) -> str:
        """What to say of it; empty where all is well."""
        return REASONS[self.state]

    @property
    def version(self) -> str:
        """Another text when the file has changed."""
        return f"{self.size:x}-{self.modified:x}"


@final
class Originals:
    """Finds the files of videos; `linked` are further folders that links of a collection may lead to."""

    def __init__(self, linked: Sequence[Path] = ()) -> None:
        self._linked = [folder.resolve() for folder in linked]
        self._same: dict[tuple[Path, str], bool] = {}  # what comparing contents has shown

    def find(self, row: EmbeddingRow) -> Original:
        """The file of a video; costs no more than a look at its name."""
        try:
            path = file_named(row.path)
            real = path.resolve(strict=True)
            facts = real.stat()
            if not stat.S_ISREG(facts.st_mode) or not self._may_open(path, real, Path(row.source)):
                return Original("outside")
        except (OSError, RuntimeError, ValueError):  # links in a circle are a RuntimeError before Python 3.13
            return Original("removed")
        found = Original("same", real, facts.st_size, facts.st_mtime_ns)
        if facts.st_size == row.size and self._same.get((real, found.version), True):
            return found
        return Original("changed", real, facts.st_size, facts.st_mtime_ns)

    async def checked(self, row: EmbeddingRow) -> Original:
        """The same, its content compared with what was embedded, once for each file as it is."""
        found = self.find(row)
        if found.path is None or found.state != "same" or not row.checksum or found.size > LARGEST_CHECKED:
            return found
        known = (found.path, found.version)
        if known not in self._same:
            try:
                checksum = await asyncio.to_thread(sha256_of, found.path)
            except OSError:
                return Original("removed")
            self._same[known] = checksum == row.checksum
        return self.find(row)

    def _may_open(self, path: Path, real: Path, source: Path) -> bool:
        root = source.resolve(strict=True)
        if root.is_dir():
            return any(real.is_relative_to(folder) for folder in (root, *self._linked))
        # a list names its videos one by one, wherever they lie: but each by itself, not a link to something else
        return not path.is_symlink() or any(real.is_relative_to(folder) for folder in (root.parent, *self._linked))
