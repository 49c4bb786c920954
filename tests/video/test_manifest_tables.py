"""A scan's manifest as a spreadsheet and other programs read it."""

import csv
import json
from pathlib import Path

import pytest

from unreel.errors import CollectionError, SettingsError
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.manifest_tables import check_suffix, write_manifest

RECORDS = (
    VideoRecord("=a.mp4", "ok", path="=a.mp4", labels={"class": "-run"}, frames=24, fps=23.976, fingerprint=b"\xff"),
    VideoRecord("b\n\x9b.mp4", "skipped", "empty file", labels={"class": "walk", "place": "é"}, splits={"1": "test"}),
)


def test_a_csv_has_a_column_for_each_label_and_split(tmp_path: Path) -> None:
    out = tmp_path / "Scan.CSV"
    write_manifest(Manifest(tmp_path, RECORDS), out)
    assert [path.name for path in tmp_path.iterdir()] == ["Scan.CSV"]
    assert out.read_bytes().startswith(b"\xef\xbb\xbfpath,status,reason,group,")
    with out.open(encoding="utf-8-sig", newline="") as file:
        first, second = csv.DictReader(file, strict=True)
    assert (first["path"], first["frames"], first["fps"]) == ("'=a.mp4", "24", "23.976")
    assert (first["label:class"], first["label:place"], first["split:1"]) == ("'-run", "", "")
    assert (second["path"], second["reason"], second["label:place"]) == ("b\n\x9b.mp4", "empty file", "é")
    assert second["split:1"] == "test"
    assert "fingerprint" not in first


def test_json_lines_are_exact(tmp_path: Path) -> None:
    out = tmp_path / "scan.jsonl"
    write_manifest(Manifest(tmp_path, RECORDS), out)
    first, second = map(json.loads, out.read_text(encoding="ascii").splitlines())
    assert (first["path"], first["labels"], first["fps"]) == ("=a.mp4", {"class": "-run"}, 23.976)
    assert (second["path"], second["splits"]) == ("b\n\x9b.mp4", {"1": "test"})


def test_only_parquet_is_read_again(tmp_path: Path) -> None:
    write_manifest(Manifest(tmp_path, RECORDS), tmp_path / "scan.parquet")
    assert Manifest.read(tmp_path / "scan.parquet").records == RECORDS
    write_manifest(Manifest(tmp_path, RECORDS), tmp_path / "scan.csv")
    with pytest.raises(CollectionError, match=r"scan\.csv is a table to look at, expected a Parquet manifest: scan to"):
        Manifest.read(tmp_path / "scan.csv")


@pytest.mark.parametrize("name", ["scan", "scan.xlsx", "scan.csv.gz", ".csv"])
def test_other_suffixes_are_skipped(name: str) -> None:
    with pytest.raises(SettingsError, match=r"expected a name that ends in \.parquet \(which unreel reads\), \.csv"):
        check_suffix(Path(name))
