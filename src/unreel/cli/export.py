"""`unreel export`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from unreel.cli.inputs.parsing import parse
from unreel.console import say
from unreel.errors import SettingsError
from unreel.settings.model import Seed, Settings
from unreel.text import unbroken

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float

    from unreel.search.exporting import Picture
    from unreel.search.metadata import TableFacts
    from unreel.search.table import Vectors

MOST_ON_MAP = 5000
NEXT = {
    "tensorboard": "tensorboard --logdir {out}",
    "fiftyone": "fiftyone.Dataset.from_dir('{out}', dataset_type=fiftyone.types.LegacyFiftyOneDataset)",
    "atlas": "embedding-atlas {out} --text text --vector vector --x projection_x --y projection_y",
}


class ExportSettings(Settings):
    """Turn a table into what other tools load: a file, TensorBoard's projector, FiftyOne, embedding-atlas.

    A file is .parquet (rows and vectors), .npy (the vectors) or .csv (the rows), all in the same order. A .parquet file
    given as the table, and a folder as --out, are the way back.
    """

    table: tyro.conf.Positional[str]
    """Table of `unreel embed`, or a .parquet file of one."""
    out: Path
    """File (.parquet, .npy, .csv) or folder to make; for atlas a file (.parquet)."""
    to: Literal["tensorboard", "fiftyone", "atlas"] | None = None
    """The tool; default: whatever reads such a file."""
    kind: Literal["video", "clip"] | None = None
    """Which rows to take; default: all for a file, videos for a tool."""
    where: str | None = None
    """Which rows to take, as in "label != 'walk'"."""
    pictures: bool = False
    """Show a frame of each video at its point (TensorBoard)."""
    seed: Seed = 0
    """Draws the map of embedding-atlas."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(ExportSettings, "export", arguments))


def run(settings: ExportSettings) -> None:
    """Read the table and write the files."""
    from unreel.engine.files import check_free, whole
    from unreel.search.lance import EXPORTS
    from unreel.search.table import EmbeddingTable, no_rows

    check_free(settings.out)
    if settings.table.endswith(".parquet"):
        _read_in(settings)
        return
    if settings.to is None and settings.out.suffix not in EXPORTS:
        raise SettingsError(
            f"out is {settings.out}, expected a name that ends in {', '.join(EXPORTS)}; or name a --to."
        )
    kind = settings.kind or ("video" if settings.to else None)
    table = EmbeddingTable.open(settings.table)
    rows = table.vectors(kind, settings.where)
    if not len(rows):
        raise no_rows(settings.table, kind, settings.where)
    with whole(settings.out) as out:
        _write(out, rows, table.facts, settings)
    place = unbroken(settings.out)
    following = f". Next: {NEXT[settings.to].format(out=place)}" if settings.to else ""
    say(f"{len(rows)} {kind or 'row'}s in {place}{following}")


def _write(out: Path, rows: "Vectors", facts: "TableFacts", settings: ExportSettings) -> None:
    from unreel.search import exporting
    from unreel.search.parquet import to_parquet

    match settings.to or settings.out.suffix:
        case "tensorboard":
            exporting.to_tensorboard(out, rows, _pictures(rows) if settings.pictures else None)
        case "fiftyone":
            exporting.to_fiftyone(out, rows, out.name)
        case "atlas":
            exporting.to_atlas(out, rows, _places(rows, settings.seed))
        case ".npy":
            exporting.to_npy(out, rows)
        case ".csv":
            exporting.to_csv(out, rows)
        case _:
            to_parquet(out, rows, facts)


def _read_in(settings: ExportSettings) -> None:
    """Make a table of a Parquet file.

    Raises:
        SettingsError: something else is asked for.
    """
    from unreel.engine.files import whole
    from unreel.search.lance import EXPORTS
    from unreel.search.parquet import from_parquet

    if settings.to or settings.where or settings.kind or settings.out.suffix in EXPORTS:
        raise SettingsError(
            f"{settings.table} is a file, of which `unreel export` makes a whole table again and nothing else: give "
            "--out FOLDER.lance alone, and export that."
        )
    with whole(settings.out) as out:
        rows = from_parquet(Path(settings.table), out)
    say(f"{rows} rows in {unbroken(settings.out)}")


def _places(rows: "Vectors", seed: Seed) -> "Float[np.ndarray, 'n 2']":
    """Places on a map: by t-SNE, or by principal components where there are many."""
    from unreel.reporting.projection import project
    from unreel.search.exporting import principal_places

    if len(rows) > MOST_ON_MAP:
        return principal_places(rows.vectors)
    return project(rows.vectors.astype(float), seed)[0]


def _pictures(rows: "Vectors") -> "list[Picture | None]":
    """A frame of each row's video, from the middle of its time."""
    from unreel.engine.executor import Executor
    from unreel.engine.progress import ProgressBar
    from unreel.engine.worker_pool import Lost
    from unreel.search.query_clip import picture

    paths = [Path(str(path)) for path in rows.column("path")]
    spans = zip(paths, rows.column("start"), rows.column("end"), strict=True)
    pictures: list[Picture | None] = [None] * len(rows)
    with ProgressBar("cutting pictures", len(rows)) as bar:
        for number, found in Executor().run(picture, list(spans)):
            pictures[number] = None if isinstance(found, Lost) else found
            bar.advance()
    return pictures
