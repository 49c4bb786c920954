"""Predictions as a file: a table for spreadsheets and pandas, or JSON.

path,label,confidence,given,jump,run            `given`: the label that somebody gave, or empty
walks/ann.avi,run,0.91,,0.09,0.91
"""

import json
import math
from pathlib import Path
from typing import Any

from unreel.annotations.segments import Format, MediaFacts, Segment, Segments, format_of, write_segments
from unreel.engine.files import check_free, whole, write_whole
from unreel.errors import SettingsError
from unreel.prediction.predictions import PredictedVideo, Predictions
from unreel.text import comma_separated

SUFFIXES = (".csv", ".parquet", ".json")
LABEL_STUDIO = "label-studio"
COLUMNS = ("path", "label", "confidence", "given")
_DIGITS = 6


def check_out(path: Path, to: Format | None = None, *, segments: bool = False) -> None:
    """Tell before a long computation what cannot be written; `to` is the tool that is to open it.

    Raises:
        SettingsError: no format has this suffix, or the tool has none for whole videos.
        OverwriteError: it is there already.
    """
    if segments:
        format_of(path, to)
    elif to not in (None, "table", LABEL_STUDIO):
        raise SettingsError(f"to is {to}, which is for pieces of videos. Add --segments, or leave it away.")
    elif to != LABEL_STUDIO and path.suffix.lower() not in SUFFIXES:
        raise SettingsError(f"out is {path}, expected a name that ends in {', '.join(SUFFIXES)}.")
    check_free(path)


def write_predictions(
    path: Path, predictions: Predictions, to: Format | None = None, *, unknown_below: float = 0.0
) -> None:
    """Write a row for each video, as the suffix says, whole or not at all; or what Label Studio shows as predicted.

    Raises:
        SettingsError, OverwriteError, OutputError: as `check_out`, or it cannot be written.
    """
    check_out(path, to)
    if to == LABEL_STUDIO:
        said = (row for row in predictions.rows(unknown_below) if row.label)
        whole_videos = Segments(Segment(row.path, 0.0, math.inf, row.label, row.confidence) for row in said)
        write_segments(path, whole_videos, media={each: MediaFacts() for each in predictions.paths}, format=to)
        return
    rows = [_values(row) for row in predictions.rows(unknown_below)]
    names = [*COLUMNS, *predictions.classes]
    if path.suffix.lower() == ".csv":
        write_whole(path, comma_separated(names, rows))
    elif path.suffix.lower() == ".json":
        write_whole(path, json.dumps(_objects(rows, predictions.classes), ensure_ascii=False, indent=1) + "\n")
    else:
        _write_parquet(path, names, rows)


def _values(row: PredictedVideo) -> list[Any]:
    shares = [round(share, _DIGITS) for share in row.shares]
    return [row.path, row.label, round(row.confidence, _DIGITS), row.given, *shares]


def _objects(rows: list[list[Any]], classes: tuple[str, ...]) -> list[dict[str, Any]]:
    def shares(row: list[Any]) -> dict[str, float]:
        return dict(zip(classes, row[len(COLUMNS) :], strict=True))

    return [dict(zip(COLUMNS, row, strict=False)) | {"classes": shares(row)} for row in rows]


def _write_parquet(path: Path, names: list[str], rows: list[list[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [pa.array([row[place] for row in rows]) for place in range(len(names))]
    with whole(path) as unfinished:
        pq.write_table(pa.Table.from_arrays(columns, names=names), unfinished)
