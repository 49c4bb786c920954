"""`unreel duplicates`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from pydantic import Field

from unreel.cli.inputs.parsing import parse
from unreel.console import say, say_json
from unreel.settings.model import Settings
from unreel.text import comma_separated, unbroken

if TYPE_CHECKING:
    from unreel.search.table import Vectors

SIMILARITY = 0.999
COLUMNS = "group", "similarity", "path", "id", "start", "end", "label", "checksum"


class DuplicatesSettings(Settings):
    """List near duplicates: videos (or clips) whose vectors are almost the same.

    The first of a group stands for it; the others are at least --similarity alike to it. Which similarity means a copy
    depends on the encoder: the last line says how similar any two are. `unreel dedupe` finds copies without an encoder,
    by checksum, pictures and motion, and says which to keep.
    """

    table: tyro.conf.Positional[str]
    """Table of `unreel embed`."""
    similarity: Annotated[float, Field(gt=0, le=1)] = SIMILARITY
    """Cosine from which on two are near duplicates."""
    kind: Literal["video", "clip"] = "video"
    """What to compare."""
    where: str | None = None
    """Which rows to compare, as in "label != 'walk'"."""
    out: Path | None = None
    """CSV file to write as well: one row for each member of a group."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """Print JSON instead of lines."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(DuplicatesSettings, "duplicates", arguments))


def run(settings: DuplicatesSettings) -> None:
    """Compare, print, write."""
    from unreel.engine.files import check_free
    from unreel.search.near_duplicates import groups_of, leaders, typical_similarity
    from unreel.search.table import EmbeddingTable

    if settings.out is not None:
        check_free(settings.out)
    rows = EmbeddingTable.open(settings.table).vectors(settings.kind, settings.where)
    groups = groups_of(leaders(rows.vectors, settings.similarity))
    members = list(_members(rows, groups))
    if settings.as_json:
        say_json(members)
    else:
        for member in members:
            first = member["similarity"] is None
            alike = "" if first else f"{member['similarity']:.4f}"
            span = unbroken(f"{member['start']:.2f}–{member['end']:.2f} s")
            say(f"{'' if first else '  = '}{alike:8}{unbroken(member['path'])}  {span}")
        superfluous = len(members) - len(groups)
        middle, high = typical_similarity(rows.vectors)
        say(f"{superfluous} near duplicates among {len(rows)} {settings.kind}s, in {len(groups)} groups")
        say(f"of pairs drawn at random half are more similar than {middle:.4f}, one in a hundred than {high:.4f}")
    if settings.out is not None:
        _write(settings.out, members)


def _members(rows: "Vectors", groups: list[list[int]]) -> Iterator[dict[str, Any]]:
    """Every row of a group, the one that stands for it first and without a similarity."""
    from unreel.search.brute_force import cosines, unit

    for number, group in enumerate(groups):
        similarities = cosines(rows.vectors[group], unit(rows.vectors[group[0]]))
        for place, similarity in zip(group, similarities, strict=True):
            row = rows.row(place)
            alike = None if place == group[0] else round(float(similarity), 6)
            yield {"group": number, "similarity": alike} | {name: getattr(row, name) for name in COLUMNS[2:]}


def _write(path: Path, members: list[dict[str, Any]]) -> None:
    from unreel.engine.files import write_whole

    write_whole(path, comma_separated(COLUMNS, [[member[name] for name in COLUMNS] for member in members]))
