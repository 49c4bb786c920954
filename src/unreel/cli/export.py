"""`unreel export`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from unreel.cli.inputs.parsing import parse
from unreel.console import say
from unreel.settings.model import Seed, Settings
from unreel.text import unbroken

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float

    from unreel.search.exporting import Picture
    from unreel.search.table import Vectors

MOST_ON_MAP = 5000
NEXT = {
    "tensorboard": "tensorboard --logdir {out}",
    "fiftyone": "fiftyone.Dataset.from_dir('{out}', dataset_type=fiftyone.types.LegacyFiftyOneDataset)",
    "atlas": "embedding-atlas {out} --text text --vector vector --x projection_x --y projection_y",
}


class ExportSettings(Settings):
    """Turn a table of embeddings into what other tools load: TensorBoard's projector, FiftyOne, embedding-atlas."""

    table: tyro.conf.Positional[str]
    """Table of `unreel embed`."""
    to: Literal["tensorboard", "fiftyone", "atlas"]
    """The tool."""
    out: Path
    """Folder to make; for atlas a file (.parquet)."""
    kind: Literal["video", "clip"] = "video"
    """What each point stands for."""
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
    from unreel.search import exporting
    from unreel.search.table import EmbeddingTable, no_rows

    check_free(settings.out)
    rows = EmbeddingTable.open(settings.table).vectors(settings.kind, settings.where)
    if not len(rows):
        raise no_rows(settings.table, settings.kind, settings.where)
    with whole(settings.out) as out:
        if settings.to == "tensorboard":
            exporting.to_tensorboard(out, rows, _pictures(rows) if settings.pictures else None)
        elif settings.to == "fiftyone":
            exporting.to_fiftyone(out, rows, out.name)
        else:
            exporting.to_atlas(out, rows, _places(rows, settings.seed))
    place = unbroken(settings.out)
    say(f"{len(rows)} {settings.kind}s in {place}. Next: {NEXT[settings.to].format(out=place)}")


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
