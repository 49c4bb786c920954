"""A table of embeddings as one Parquet file, for other tools and other machines, and back.

The file says how its vectors were made (metadata, under `unreel`), and its pages have checksums.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from unreel.errors import CollectionError
from unreel.reading import FileSchema, check_regular
from unreel.search.checks import check_schema, checked
from unreel.search.lance import BATCH, claimed
from unreel.search.metadata import TableFacts
from unreel.search.rows import schema
from unreel.search.table import EmbeddingTable, Vectors

_FACTS = b"unreel"
_MOST_TIMES = 1000  # that vectors, which hardly compress, may be larger than their file
_ADVICE = "Take a copy that is whole, or embed the videos again."


def to_parquet(out: Path, rows: Vectors, facts: TableFacts) -> None:
    """Rows, their vectors, and how these were made."""
    columns = schema(facts.width).with_metadata({_FACTS: facts.with_index(None).to_json()})
    table = rows.with_vectors().cast(schema(facts.width)).replace_schema_metadata(columns.metadata)
    pq.write_table(table, out, write_page_checksum=True)


def from_parquet(path: Path, out: Path) -> int:
    """Make the table `out` of a file that `to_parquet` or an earlier `unreel embed` wrote; how many rows it has.

    Raises:
        CollectionError: the file is damaged, or none of these.
    """
    place = str(path)
    size = check_regular(path, FileSchema(CollectionError, _ADVICE))
    with _told(place), pq.ParquetFile(path, page_checksum_verification=True) as file:
        text = (file.schema_arrow.metadata or {}).get(_FACTS, b"").decode(errors="replace")
        facts = TableFacts.from_json(text, place).with_index(None)
        check_schema(file.schema_arrow, facts.width, place)
        rows = file.metadata.num_rows
        if 4 * facts.width * rows > _MOST_TIMES * size:
            raise CollectionError(
                f"{place} claims {rows} rows of {facts.width} numbers each, which in a file of {size} bytes cannot be. "
                f"It is damaged. {_ADVICE}"
            )
        names = schema(facts.width).names
        with claimed(out) as store:
            store.begin(facts)
            for batch in checked(file.iter_batches(BATCH, columns=names), facts, place):
                store.append(pa.Table.from_batches([batch]).cast(schema(facts.width)))
            store.finish()
    return len(EmbeddingTable.open(out).rows())  # no two of them the same


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Errors of files and of Arrow, which may have many lines, in one line."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:  # texts that are not UTF-8 among the last
        words = getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0]
        raise CollectionError(
            f"{place} cannot be read as a Parquet table: {words[:200].rstrip('.')}. {_ADVICE}"
        ) from error
