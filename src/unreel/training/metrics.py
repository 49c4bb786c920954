"""The figures of a run, in RUN/metrics.csv: one row per measured step, one column per figure, blank where not measured.

    step,loss,learning_rate,knn/class
    100,3.1415,0.1,
    100,,,0.42

Floats are written by `repr`, so they come back exactly. A row is one line, flushed at once: a kill can only cut off the
last line, which counts as not written. All else (a new column, dropped rows) replaces the file as a whole.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TextIO, final

from unreel.engine.files import write_whole
from unreel.errors import RunError, UnreelError
from unreel.reading import FileSchema, brief, read_bytes
from unreel.text import excerpt

FILE = "metrics.csv"
_WANTED = FileSchema(RunError, "Mend that line, or move the file away: training then goes on with a new one.")
_STEP = re.compile(r"[0-9]{1,10}", re.ASCII)
Cells = dict[str, str]


@final
class Metrics:
    """A file of figures, open for writing; one that is there already is gone on with.

    Raises:
        RunError: the file is there but damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns = ["step"]
        self._file: TextIO | None = None
        if path.exists():
            self._columns, rows = _read(path)
            self._replace(rows)  # without a line cut off, lest the next one be glued to it

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Add a row; figures never seen before get columns."""
        assert "step" not in figures, "the column step is taken"
        row = {"step": str(step), **{name: repr(float(value)) for name, value in figures.items()}}
        new = [name for name in row if name not in self._columns]
        if self._file is None or new:
            rows = _read(self._path)[1] if self._path.exists() else []
            self._columns += new
            self._replace([*rows, row])
        else:
            self._file.write(_line(row.get(name, "") for name in self._columns))
            self._file.flush()

    def rewind(self, step: int) -> None:
        """Drop all rows after `step`."""
        if self._path.exists():
            self._replace([row for row in _read(self._path)[1] if int(row["step"]) <= step])

    def close(self) -> None:
        """End writing."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _replace(self, rows: Iterable[Cells]) -> None:
        """Write the whole file anew, or leave it as it is."""
        self.close()
        lines = [_line(row.get(name, "") for name in self._columns) for row in rows]
        write_whole(self._path, "".join([_line(self._columns), *lines]))
        self._file = self._path.open("a", encoding="utf-8", newline="")


def read_metrics(run: Path) -> list[dict[str, int | float]]:
    """The rows of a run's metrics.csv in the order written, without blanks; none if nothing was measured yet.

    Raises:
        RunError: the file is damaged.
    """
    path = run / FILE
    if not path.exists():
        return []
    try:
        return [
            {name: int(cell) if name == "step" else float(cell) for name, cell in row.items()} for row in _read(path)[1]
        ]
    except ValueError as error:
        raise _damaged(path, error) from None


def _read(path: Path) -> tuple[list[str], list[Cells]]:
    """The columns and the rows, without blank cells and without a last line that was cut off."""
    content = read_bytes(path, _WANTED)
    try:
        text = content[: content.rfind(b"\n") + 1].decode("utf-8")
        columns, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        if columns[:1] != ["step"]:
            raise ValueError(f"its first column is {brief(columns[:1])}")
        if strange := [
            name for name in columns if not " ".join(name.splitlines()).isprintable()
        ]:  # a label may have lines
            raise ValueError(f"a column is called {brief(strange[0])}")
        named = [dict(zip(columns, cells, strict=True)) for cells in rows]
        if strange := [row["step"] for row in named if not _STEP.fullmatch(row["step"])]:
            raise ValueError(f"a row has {brief(strange[0])} as its step")
    except (ValueError, csv.Error) as error:
        raise _damaged(path, error) from None
    return columns, [{name: cell for name, cell in row.items() if cell} for row in named]


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _damaged(path: Path, error: Exception) -> UnreelError:
    fault = f"is damaged ({excerpt(error)}); expected the column `step`, then numbers, as many in every line"
    return _WANTED.error_for(path, fault)
