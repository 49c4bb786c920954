"""Every verb on every damaged or foreign table: one line and exit code 2, or what a whole table gives."""

import os
import shutil
import sys
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from clips import Clip
from damaged_tables import RIGHT, Damaged, damaged_files, damaged_tables
from tables import TINY, rows_for, tiny_weights, write_rows

import unreel.cli
from unreel.errors import CollectionError
from unreel.search.checks import usable
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.web.catalogue import Catalogue

VERBS = {
    "search": ["search", "TABLE", "VIDEO", "--top", "2"],
    "duplicates": ["duplicates", "TABLE", "--kind", "clip", "--out", "OUT/d.csv"],
    "curate": ["curate", "TABLE", "--out", "OUT/list.csv"],
    "tensorboard": ["export", "TABLE", "--to", "tensorboard", "--out", "OUT/board"],
}
MORE_VERBS = {
    "piece": ["search", "TABLE", "VIDEO", "--at", "0.3", "--html", "OUT/page.html"],
    "videos": ["duplicates", "TABLE", "--json"],
    "rare": ["curate", "TABLE", "--by", "rare", "--out", "OUT/rare.csv", "--links", "OUT/links"],
    "fiftyone": ["export", "TABLE", "--to", "fiftyone", "--out", "OUT/one"],
    "atlas": ["export", "TABLE", "--to", "atlas", "--kind", "clip", "--out", "OUT/atlas.parquet"],
    "embed": ["embed", "WEIGHTS", "PREPARED", "--clips", "3", "--loader-workers", "0", "--out", "TABLE"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos, prepared and embedded."""
    folder = tmp_path_factory.mktemp("collection")
    for number in range(3):
        Clip(frames=20 + 8 * number, width=72, height=56).write(folder / f"videos/walk/{number}.mp4")
    prepare(folder / "videos", folder / "prepared", PrepareOptions(TINY.prepared_side, workers=1))
    tiny_weights(folder / "weights.safetensors")
    assert call(MORE_VERBS["embed"], folder, folder / "table", folder) == (0, "")
    return folder


@pytest.fixture(scope="module")
def tables(folder: Path) -> list[Damaged]:
    return list(damaged_tables(folder / "table", folder / "damaged"))


def call(words: list[str], folder: Path, table: Path, out: Path) -> tuple[int, str]:
    """Exit code and errors of a command as it is typed; a traceback fails the test by itself."""
    names = {"TABLE": table, "OUT": out, "WEIGHTS": folder / "weights.safetensors", "PREPARED": folder / "prepared"}
    names["VIDEO"] = folder / "videos/walk/1.mp4"
    filled = [str(names.get(word, word)).replace("OUT/", f"{out}/") for word in words]
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(StringIO()) as said:
        patch.setattr(sys, "argv", ["unreel", *filled])
        try:
            unreel.cli.main()
        except SystemExit as end:
            return int(end.code or 0), said.getvalue()
    return 0, said.getvalue()


def bytes_in(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def ends_well(code: int, said: str, damaged: Damaged) -> bool:
    """Whether what is wrong is told in one line; or there is nothing to tell."""
    if damaged.said == RIGHT:
        return (code, said) == (0, "")
    return code == 2 and damaged.said in said and said.startswith("unreel: ") and said.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("verbs", [VERBS, MORE_VERBS])
def test_every_verb_on_every_table(
    verbs: dict[str, list[str]], folder: Path, tables: list[Damaged], tmp_path: Path
) -> None:
    calls, wrong = 0, []
    for number, damaged in enumerate(tables):
        out = tmp_path / str(number)
        out.mkdir()
        for name, words in verbs.items():
            if name == "search" and damaged.said == RIGHT:
                continue  # takes seconds, and is what all other tests of it do
            table = damaged.place
            if name == "embed":
                if damaged.place.name in ("nothing", "a file", "cut, without checksums"):  # begun: it is begun anew
                    continue
                table = Path(shutil.copytree(damaged.place, out / "copy"))
            code, said = call(words, folder, table, out)
            calls += 1
            if not ends_well(code, said, damaged):
                wrong.append((damaged.place.name, name, damaged.said, code, said[-300:]))
    assert not wrong
    assert calls >= 300


def test_a_page_is_shown_of_whole_tables_only(tables: list[Damaged]) -> None:
    for damaged in tables:
        if damaged.said == RIGHT:
            assert len(Catalogue.open([damaged.place]).videos) == 3
        else:
            with pytest.raises(CollectionError) as caught:
                Catalogue.open([damaged.place])
            assert damaged.said in str(caught.value)


def test_embedding_onto_a_damaged_table_changes_nothing(folder: Path, tables: list[Damaged], tmp_path: Path) -> None:
    chosen = [each for each in tables if each.place.name in ("vectors nan", "end nan", "rows twice", "flip 0", "cut")]
    assert len(chosen) == 5
    for damaged in chosen:
        table = Path(shutil.copytree(damaged.place, tmp_path / damaged.place.name))
        code, said = call(MORE_VERBS["embed"], folder, table, tmp_path)
        assert ends_well(code, said, damaged), (damaged, code, said)
        assert bytes_in(table) == bytes_in(damaged.place)


def test_what_holds_no_rows_is_told_as_such(folder: Path, tmp_path: Path) -> None:
    rows = rows_for(0)[1:]
    write_rows(tmp_path / "clips", rows, np.ones((3, 8), np.float32))
    for name in ("curate", "tensorboard"):
        code, said = call(VERBS[name], folder, tmp_path / "clips", tmp_path)
        assert code == 2
        assert "clips holds no video. Embed some: unreel embed" in said


def test_a_damaged_file_makes_no_table(folder: Path, tmp_path: Path) -> None:
    wrong = []
    for damaged in damaged_files(folder / "table", tmp_path / "files"):
        out = tmp_path / damaged.place.stem
        out.mkdir()
        code, said = call(["export", "TABLE", "--out", "OUT/read.lance"], folder, damaged.place, out)
        if not ends_well(code, said, damaged) or (out / "read.lance").exists() != (damaged.said == RIGHT):
            wrong.append((damaged.place.name, damaged.said, code, said[-300:]))
    assert not wrong


@pytest.mark.parametrize("kind", ["folder", "pipe", "nothing", "loop"])
def test_what_is_no_file(kind: str, folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "x.parquet"
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "loop":
        place.symlink_to(place)
    code, said = call(["export", "TABLE", "--out", "OUT/read.lance"], folder, place, tmp_path)
    assert code == 2
    assert {"folder": "is a folder", "pipe": "is a pipe"}.get(kind, "cannot be read") in said
    assert not (tmp_path / "read.lance").exists()


def test_vectors_that_can_be_compared() -> None:
    vectors = np.array([[0, 0], [1e15, -1e15], [1e16, 0], [np.nan, 0], [0, -np.inf]], np.float32)
    assert usable(vectors).tolist() == [True, True, False, False, False]
    assert usable(vectors[:0]).tolist() == []
