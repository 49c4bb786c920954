"""What `unreel bench loading` says."""

import json
from pathlib import Path

import pytest
from clips import Clip

from unreel.cli.bench import main
from unreel.errors import CollectionError, OverwriteError, SettingsError
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "videos"
    for number in range(2):
        Clip(width=96, height=80, frames=24).write(folder / f"{number}.mp4")
    return folder


def test_a_prepared_folder(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(videos, tmp_path / "prepared", PrepareOptions(64))
    words = ["--workers", "0", "--size", "32", "--batch-size", "2", "--seconds", "0.2", "--json", str(tmp_path / "j")]
    main(["loading", str(tmp_path / "prepared"), *words])
    said = capsys.readouterr().out
    assert all(stage in said for stage in ("opening and decoding", "collating and handing over", "needs cores"))
    assert "\x1b" not in said
    figures = json.loads((tmp_path / "j").read_text())
    assert list(figures["rates"]) == ["0"]
    assert (figures["side"], figures["needed_side"], figures["raw_rate"]) == (64, 38, None)
    assert figures["core_rate"] > 0
    assert any("frames have 64 pixels, this input needs --side 38" in each["text"] for each in figures["advice"])
    texts = " ".join(each["text"] for each in figures["advice"])
    assert texts.split()[0] in said
    with pytest.raises(OverwriteError, match="j exists already"):
        main(["loading", str(tmp_path / "prepared"), *words])


def test_a_folder_that_is_not_prepared(videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(videos.rglob("*"))
    main(["loading", str(videos), "--workers", "0", "--size", "32", "--batch-size", "2", "--seconds", "0.2"])
    assert "The videos as they are: " in capsys.readouterr().out
    assert sorted(videos.rglob("*")) == before


def test_mistakes(tmp_path: Path, videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingsError, match="got bench 'loadin', expected: loading"):
        main(["loadin", str(tmp_path)])
    with pytest.raises(CollectionError, match=str(tmp_path)):
        main(["loading", str(tmp_path)])
    with pytest.raises(CollectionError, match="none of at least 25 frames"):
        main(["loading", str(videos), "--clip-length", "25"])
    with pytest.raises(SettingsError, match="batch_size: got 0"):
        main(["loading", str(videos), "--batch-size", "0"])
    main([])
    assert "usage: unreel bench KIND FOLDER" in capsys.readouterr().out
