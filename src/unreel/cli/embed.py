"""`unreel embed`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
from pydantic import Field, PositiveInt

from unreel.cli.parsing import parse
from unreel.settings.model import Settings


class Embed(Settings):
    """Turn every video of a folder into one vector, in a table that other tools can read.

    A row holds id, source folder, start and end in seconds, labels (JSON), encoder, checkpoint and the vector: the mean
    over equally spaced clips of the global average of one level.
    """

    run: tyro.conf.Positional[Path]
    """Run folder, or one weights file."""
    folder: tyro.conf.Positional[Path]
    """Folder of videos, or of prepared videos; an unprepared one is prepared on the way."""
    out: Path
    """Table to make: a name ending in .parquet gives a Parquet file, any other a LanceDB folder."""
    level: Literal[3, 4, 5] = 5
    """Block of the encoder whose features are taken."""
    clips: PositiveInt = 10
    """Equally spaced clips per video."""
    untrained: bool = False
    """Take the encoder as it was before its first step."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    loader_workers: Annotated[int, Field(ge=0)] | None = None
    """Processes that decode; none given: chosen by the size of the collection."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(Embed, "embed", arguments))


def run(settings: Embed) -> None:
    """Embed and write."""
    from unreel.checkpoint import load_encoder, untrained_encoder
    from unreel.engine.device import device
    from unreel.engine.outputs import check_free
    from unreel.evaluation.judgement import Judgement
    from unreel.search.table import embeddings_table, write_table
    from unreel.video.options import PrepareOptions
    from unreel.video.prepare import prepared

    check_free(settings.out)
    encoder = load_encoder(settings.run)
    if settings.untrained:
        encoder = untrained_encoder(encoder)
    manifest = prepared(settings.folder, PrepareOptions(encoder.settings.prepared_side))
    where = str(device(settings.accelerator))
    judgement = Judgement(settings.level, settings.clips, device=where, workers=settings.loader_workers)
    features = judgement.features(encoder, manifest)
    write_table(embeddings_table(features, manifest, encoder), settings.out)
    print(f"{len(features.ids)} of {len(manifest.usable)} videos embedded ({encoder.name}) in {settings.out}")
    for identity, reason in features.missing.items():
        print(f"  left out {identity}: {reason}")
