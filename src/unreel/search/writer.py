"""A table of embeddings, written: the same whether it is kept in LanceDB or in a file."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

import pyarrow as pa

from unreel.search.filters import Filter
from unreel.search.lance import claimed_lance
from unreel.search.metadata import TableFacts
from unreel.search.parquet import claimed_parquet, parquet_path


@runtime_checkable
class Writer(Protocol):
    """A table that rows are added to and removed from; what was added stays there if the process ends."""

    place: str

    @property
    def exists(self) -> bool:
        """Whether there is a table, or the beginning of one."""
        ...

    def check(self) -> None:
        """Look whether the table is as it was written.

        Raises:
            CollectionError: it is not.
        """
        ...

    def facts(self) -> TableFacts:
        """How the vectors were made.

        Raises:
            CollectionError: it is no table of `unreel embed`.
        """
        ...

    def batches(self, columns: Sequence[str], where: Filter | None = None) -> Iterator[pa.RecordBatch]:
        """Those columns of the rows that fulfil the condition, in any order."""
        ...

    def begin(self, facts: TableFacts) -> None:
        """Make the table where there is none, and note the facts."""
        ...

    def remove(self, ids: Sequence[str]) -> None:
        """Remove the rows of these videos."""
        ...

    def append(self, rows: pa.Table) -> None:
        """Add rows: all of them or none."""
        ...

    def finish(self) -> None:
        """Bring the table into its final form."""
        ...


def claimed(place: Path | str) -> AbstractContextManager[Writer]:
    """The table at a path or an address, kept from other processes that would write to it.

    A name ending in .parquet is a file; one in .npy an array, and a file of its rows beside it; any other a LanceDB
    folder or address. `begin`, `remove`, `append` and `finish` raise CollectionError where it cannot be written.

    Raises, when it is entered:
        OverwriteError: the folder holds something else.
        CollectionError: it cannot be written.
        MissingExtraError: LanceDB is needed and not installed.
    """
    path = parquet_path(place)
    if path is None:
        return claimed_lance(str(place))
    return claimed_parquet(path, Path(place) if Path(place).suffix == ".npy" else None)
