"""A scan's manifest as people and other programs read it, by the suffix of the file.

.parquet    the manifest itself, which unreel reads
.csv        a row for each video, a column for each label and split: for spreadsheets
.jsonl      an object for each video, one a line
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from unreel.engine.files import write_whole
from unreel.errors import SettingsError
from unreel.text import comma_separated
from unreel.video.collection.manifest import Manifest, VideoRecord

_FIRST = ("id", "status", "reason", "group")
_MAPS = {"labels": "label", "splits": "split"}
_FACTS = [
    each.name
    for each in fields(VideoRecord)
    if each.name not in ("path", *_FIRST, *_MAPS) and not isinstance(each.default, bytes)
]
"""Without `path`, which is `id` again in a scan, and what only unreel reads."""


def write_manifest(manifest: Manifest, out: Path) -> None:
    """Write the table of a scan, whole or not at all, in the form that its suffix names."""
    writer = _WRITERS[out.suffix.lower()]
    if writer is None:
        manifest.write(out)
    else:
        write_whole(out, writer(manifest))


def check_suffix(out: Path) -> None:
    """Reject a file that none of the forms is for.

    Raises:
        SettingsError: its suffix is another.
    """
    if out.suffix.lower() not in _WRITERS:
        raise SettingsError(
            f"got the manifest {out.name!r}, expected a name that ends in .parquet (which unreel reads), .csv (for "
            "spreadsheets) or .jsonl (for programs)."
        )


def _csv(manifest: Manifest) -> str:
    named = {
        (field, name): f"{_MAPS[field]}:{name}"
        for field in _MAPS
        for name in sorted({name for record in manifest for name in getattr(record, field)})
    }
    rows = (
        [
            *(getattr(record, name) for name in _FIRST),
            *(getattr(record, field).get(name) for field, name in named),
            *(getattr(record, name) for name in _FACTS),
        ]
        for record in manifest
    )
    return comma_separated(["path", *_FIRST[1:], *named.values(), *_FACTS], rows)


def _json_lines(manifest: Manifest) -> str:
    return "".join(f"{json.dumps(_shown(record))}\n" for record in manifest)


def _shown(record: VideoRecord) -> dict[str, Any]:
    return {"path": record.id} | {name: getattr(record, name) for name in (*_FIRST[1:], *_MAPS, *_FACTS)}


_WRITERS: Mapping[str, Callable[[Manifest], str] | None] = {".parquet": None, ".csv": _csv, ".jsonl": _json_lines}
