"""`unreel scan`."""

from collections.abc import Sequence
from pathlib import Path

from unreel.cli.inputs.collection import CollectionSettings
from unreel.cli.inputs.parsing import parse
from unreel.cli.tables.collection_summary import decoding_rate, summary
from unreel.console import say
from unreel.video.collection.options import ScanOptions
from unreel.video.collection.scan import scan


class ScanSettings(CollectionSettings):
    """Open and decode every video of a folder or list, and write down which can be used and why the others cannot.

    Nothing is changed and no video is copied. Stopped half-way, the same command resumes where it was.
    """

    out: Path
    """The manifest to write, one row for each video: .parquet, which unreel reads, .csv for spreadsheets, or .jsonl."""
    quick: bool = False
    """Decode the first, the middle and the last second only, where they show no trouble; finds no near duplicates."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    settings = parse(ScanSettings, "scan", arguments)
    manifest = scan(settings.source, settings.out, ScanOptions(**settings.options()))
    say(*summary(manifest, "can be used", settings.out), decoding_rate(manifest))
