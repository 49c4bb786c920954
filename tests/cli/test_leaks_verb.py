"""`unreel leaks` as it is typed."""

from pathlib import Path

import pytest

from unreel.cli.leaks import main
from unreel.errors import CollectionError
from unreel.video.collection.manifest import Manifest, VideoRecord


def record(name: str, part: str, checksum: str) -> VideoRecord:
    return VideoRecord(name, "ok", splits={"1": part}, group=f"g{name[-1]}", checksum=checksum)


@pytest.fixture
def tested(tmp_path: Path) -> Path:
    (tmp_path / "tested").mkdir()
    records = (record("a1", "train", "x"), record("a2", "test", "x"), record("a3", "test", "y"))
    Manifest(tmp_path / "tested", records, "videos").write()
    return tmp_path / "tested"


def test_a_split_that_leaks_is_skipped(tested: Path) -> None:
    with pytest.raises(CollectionError, match="a2: same file as a1"):
        main([str(tested)])


def test_what_is_allowed_is_counted(tested: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tested), "--split", "1", "--allow", "same file"])
    assert capsys.readouterr().out == "2 videos held out by split 1, 1 of them unknown to training\n"


def test_another_collection_that_was_learnt_from(
    tested: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "scan.parquet"
    Manifest(tmp_path, (VideoRecord("b1", "ok", group="g9", checksum="z"),), "other").write(other)
    main([str(tested), "--pretraining", str(other)])
    assert capsys.readouterr().out == "2 videos held out by split 1, 2 of them unknown to training\n"
    Manifest(tmp_path, (VideoRecord("b1", "ok", group="g3", checksum="x"),), "other").write(other)
    with pytest.raises(CollectionError) as caught:
        main([str(tested), "--pretraining", str(other)])
    assert "a2: same file as b1" in str(caught.value)
    assert "a3: same group as b1" in str(caught.value)
