"""`unreel curate`."""

import os
import re
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from pydantic import Field

from unreel.cli.inputs.parsing import parse
from unreel.console import say
from unreel.errors import SettingsError
from unreel.settings.model import Settings
from unreel.text import unbroken
from unreel.video.collection.label_tables import list_text, table_text

if TYPE_CHECKING:
    from unreel.search.rows import EmbeddingRow

SIMILARITY = 0.999


class CurateSettings(Settings):
    """Choose a part of a collection by the vectors of its videos: a list that `prepare` and `pretrain` take.

    Near duplicates are left out first. diverse: each choice is the video least similar to all chosen before (k-centre,
    farthest first). rare: those first whose fifth nearest neighbour is least similar.
    """

    table: tyro.conf.Positional[str]
    """Table of `unreel embed`."""
    out: Path
    """List to make: .csv (with labels), or .txt (one path a line); in the order of choice."""
    keep: str = "10%"
    """How many to choose: a share of all, as in 10%, or a number."""
    by: Literal["diverse", "rare"] = "diverse"
    """What is chosen first."""
    similarity: Annotated[float, Field(gt=0, le=1)] = SIMILARITY
    """Cosine from which on two are near duplicates; 1: only those that are the same."""
    where: str | None = None
    """Which videos to choose among, as in "label != 'walk'"."""
    links: Path | None = None
    """Folder to make of links to the chosen videos, under their names in the collection."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(CurateSettings, "curate", arguments))


def run(settings: CurateSettings) -> None:
    """Choose, and write what was chosen."""
    import numpy as np

    from unreel.engine.files import check_both_free, check_free, whole, whole_both
    from unreel.search.coreset import k_centre, rare_first
    from unreel.search.near_duplicates import leaders
    from unreel.search.table import EmbeddingTable, no_rows

    if settings.out.suffix not in (".csv", ".txt"):
        raise SettingsError(f"out is {settings.out}, expected a name that ends in .csv or .txt.")
    if settings.links is not None:
        check_both_free(settings.out, settings.links)
    check_free(settings.out)
    videos = EmbeddingTable.open(settings.table).vectors("video", settings.where)
    if not len(videos):
        raise no_rows(settings.table, "video", settings.where)
    count = _count(settings.keep, len(videos))
    leader = leaders(videos.vectors, settings.similarity)
    originals = np.flatnonzero(leader == np.arange(len(leader)))
    vectors = videos.vectors[originals]
    order = k_centre(vectors, count) if settings.by == "diverse" else rare_first(vectors)[:count]
    rows = [videos.row(int(originals[place])) for place in order]
    if settings.links is None:
        with whole(settings.out) as path:
            _write_list(path, rows)
    else:
        with whole_both(settings.out, settings.links) as (path, folder):
            _write_list(path, rows)
            _link(folder, rows)
    copies = len(videos) - len(originals)
    say(f"{len(rows)} of {len(videos)} videos chosen, {copies} near duplicates left out, in {unbroken(settings.out)}")


def _count(keep: str, videos: int) -> int:
    """How many videos to keep.

    Raises:
        SettingsError: it is neither a share nor a number.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%|(\d+)", keep.strip())
    share, number = (match[1], match[2]) if match else (None, None)
    if (share and 0 < float(share) <= 100) or (number and int(number)):
        return ceil(videos * float(share) / 100) if share else int(number or 0)
    raise SettingsError(f"keep is {keep!r}, expected a share of the videos, as in 10%, or a number of them.")


def _write_list(path: Path, rows: "Sequence[EmbeddingRow]") -> None:
    """The list, as `unreel prepare` reads it."""
    if path.suffix == ".txt":
        text = list_text(row.path for row in rows)
    else:
        text = table_text({row.path: row.labels for row in rows})
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(text)


def _link(folder: Path, rows: "Sequence[EmbeddingRow]") -> None:
    """Links to the videos, under their names in the collection."""
    for row in rows:
        parts = [part for part in Path(row.id).parts if part not in (os.sep, "..")]
        link = folder.joinpath(*parts)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(row.path)
