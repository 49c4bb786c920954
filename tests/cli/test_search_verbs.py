"""`unreel embed`, `search`, `duplicates`, `curate` and `export` as they are typed."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from clips import Clip
from tables import contents, tiny_weights

from unreel.cli import curate, duplicates, embed, export, search
from unreel.errors import CollectionError, OverwriteError, SettingsError
from unreel.search.table import EmbeddingTable
from unreel.settings.encoder import BASELINES
from unreel.video.collection.path_lists import collected

LABELS = "  labels: class, from 2 folders (--labels none: without)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five videos, two of them the same, and a table of them."""
    folder = tmp_path_factory.mktemp("collection")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNREEL_CACHE", str(folder / "cache"))
        for number in range(4):
            clip = Clip(frames=40 + 9 * number, width=72 + 8 * number, height=56)
            clip.write(folder / f"videos/{('run', 'walk')[number % 2]}/{number}.mp4")
        (folder / "videos/run/again.mp4").write_bytes((folder / "videos/run/0.mp4").read_bytes())
        weights = tiny_weights(folder / "weights.safetensors")
        embed.main([str(weights), str(folder / "videos"), "--out", str(folder / "table"), "--clips", "all"])
    return folder


@pytest.fixture(autouse=True)
def cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(folder / "cache"))


def test_embed_says_what_it_did(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        str(folder / "weights.safetensors"),
        str(folder / "videos"),
        "--out",
        str(tmp_path / "table"),
        "--clips",
        "2",
    ]
    embed.main(words)
    assert capsys.readouterr().out.splitlines() == [f"5 videos embedded (tiny) in {tmp_path / 'table'}", LABELS]
    embed.main([*words, "--index", "always"])
    first, second, third = capsys.readouterr().out.splitlines()
    assert (first, second) == (f"0 videos embedded, 5 kept (tiny) in {tmp_path / 'table'}", LABELS)
    assert third == "  IVF_FLAT over 15 rows: recall@10 1.000 of 10 exact searches"
    with pytest.raises(CollectionError, match="Their vectors cannot be compared"):
        embed.main([*words[:-1], "3"])


def test_embed_windows_into_a_table_and_into_files(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(folder / "weights.safetensors"), str(folder / "videos"), "--every", "0.4", "--window", "1.7"]
    embed.main([*words, "--out", str(tmp_path / "t.lance")])
    embed.main([*words, "--out", str(tmp_path / "files/*.npy")])
    shorter = "  shorter than a window of 1.7 s, which is the whole video then: 2 videos"
    assert capsys.readouterr().out.splitlines() == [
        f"5 videos embedded (tiny) in {tmp_path}/t.lance",
        LABELS,
        shorter,
        f"5 videos embedded (tiny) in {tmp_path}/files/*.npy",
        LABELS,
        shorter,
    ]
    rows = EmbeddingTable.open(tmp_path / "t.lance").vectors("clip")
    found = [np.load(path) for path in sorted((tmp_path / "files").rglob("*.npy"))]
    assert np.array_equal(np.concatenate(found), rows.vectors)
    search.main([str(tmp_path / "t.lance"), str(folder / "videos/walk/3.mp4"), "--top", "1"])
    assert capsys.readouterr().out.splitlines()[1].split()[0] == "1.0000"
    export.main([str(tmp_path / "t.lance"), "--out", str(tmp_path / "t.parquet")])
    export.main([str(tmp_path / "t.parquet"), "--out", str(tmp_path / "again.lance")])
    assert contents(tmp_path / "again.lance") == contents(tmp_path / "t.lance")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--every", "0"], "every: got 0.0: Input should be greater than or equal to 0.01"),
        (["--every", "-1"], "every: got -1.0: Input should be greater than or equal to 0.01"),
        (["--every", "0.5", "--window", "0"], "window: got 0.0: Input should be greater than 0"),
        (["--every", "0.5", "--clips", "3"], "clips and every are two ways to choose what is embedded"),
        (["--window", "0.5"], "window is 0.5 s, expected every with it"),
        (["--every", "0.5", "--window", "0.04"], "in which none of the 5 videos shows the encoder two frames"),
        (["--every", "0.5", "--window", "60"], "window is 60 s, but the longest of the 5 videos lasts 2.68 s"),
    ],
)
@pytest.mark.parametrize("out", ["t.lance", "*.npy"])
def test_windows_that_make_no_sense(words: list[str], told: str, out: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        embed.main([str(folder / "weights.safetensors"), str(folder / "videos"), "--out", str(tmp_path / out), *words])
    assert told in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_files_for_each_video_are_of_windows_and_on_this_machine(folder: Path, tmp_path: Path) -> None:
    words = [str(folder / "weights.safetensors"), str(folder / "videos"), "--out"]
    for more in ([str(tmp_path / "*.npy")], ["s3://bucket/*.npy", "--every", "0.5"]):
        with pytest.raises(SettingsError, match=r"\*\.npy, expected a folder of this machine, and every"):
            embed.main([*words, *more])


def test_a_baseline_stands_by_its_name_where_a_run_could(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in BASELINES:
        embed.main([name, str(folder / "videos"), "--out", f"{name}.lance", "--clips", "2"])
        search.main([f"{name}.lance", str(folder / "videos/walk/3.mp4"), "--kind", "video", "--top", "1"])
        said = capsys.readouterr().out
        assert f"5 videos embedded ({name}) in {name}.lance" in said
        assert "walk/3.mp4" in said.splitlines()[-1]
    with pytest.raises(CollectionError, match="Their vectors cannot be compared"):
        embed.main(["mean-frame", str(folder / "videos"), "--out", "motion-map.lance", "--clips", "2"])


def test_embed_says_what_it_leaves_out(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    videos = tmp_path / "videos"
    for number in range(6):
        Clip(frames=12 + 3 * number, width=72, height=56).write(videos / f"{'ab'[number % 2]}/{number}.mp4")
    (videos / "broken.mp4").write_bytes(b"no video")
    (videos / "notes.txt").write_text("mine")
    words = [str(folder / "weights.safetensors"), str(videos), "--out", str(tmp_path / "t.lance"), "--clips", "2"]
    embed.main(words)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"6 videos embedded (tiny) in {tmp_path / 't.lance'}"
    assert said[1].startswith("  no labels: 1 of 7 videos do not lie one folder deep (--labels folders or a table")
    assert said[2].startswith("  skipped: 1 × ")
    assert said[3].startswith("    broken.mp4: ")
    assert said[4:] == [
        "  1 files without a video's name ignored: 1 .txt",
        "  looped to fill a clip of 16 frames: 2 videos, which `unreel pretrain` leaves out",
    ]
    (videos / "a/0.mp4").rename(tmp_path / "0.mp4")
    (videos / "b/1.mp4").write_bytes(b"no video")
    embed.main(words)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("0 videos embedded, 4 kept, 2 removed (tiny) in ")
    assert "  removed: 2" in said
    assert f"    a/0.mp4: not in {videos} any more" in said
    assert any(line.startswith("    b/1.mp4: skipped: ") for line in said)


def test_rows_of_many_videos_are_removed_only_where_that_is_asked_for(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    videos, out = tmp_path / "videos", tmp_path / "t.lance"
    for number in range(6):
        Clip(frames=20, width=72, height=56).write(videos / f"{'away' if number < 4 else 'here'}/{number}.mp4")
    words = [str(folder / "weights.safetensors"), str(videos), "--out", str(out), "--clips", "1", "--labels", "folders"]
    embed.main(words)
    before = contents(out)
    (videos / "away").rename(tmp_path / "away")
    with pytest.raises(CollectionError) as caught:
        embed.main(words)
    assert str(caught.value) == (
        f"4 of the 6 videos that {out} holds of {videos} are gone, the first of them 'away/0.mp4' (not in {videos} any "
        "more). Nothing was changed. If a folder is only away for the moment, bring it back; to remove their rows, add "
        "--remove-missing."
    )
    assert contents(out) == before
    (tmp_path / "away").rename(videos / "away")
    capsys.readouterr()
    embed.main(words)
    assert capsys.readouterr().out.splitlines()[0] == f"0 videos embedded, 6 kept (tiny) in {out}"
    (videos / "away").rename(tmp_path / "away")
    embed.main([*words, "--remove-missing"])
    assert "2 kept, 4 removed (tiny)" in capsys.readouterr().out


def test_search_finds_the_video_itself(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search.main([str(folder / "table"), str(folder / "videos/walk/3.mp4"), "--top", "2"])
    said, first, _ = capsys.readouterr().out.splitlines()
    assert said == f"more like {folder}/videos/walk/3.mp4 0.00–2.68 s: exact among 5 videos (tiny, level 5)"
    assert first.split() == ["1.0000", "0.00–2.68", "s", f"{folder}/videos/walk/3.mp4", "[walk]"]


def test_search_for_a_piece_as_json_and_as_a_page(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(folder / "table"), str(folder / "videos/walk/1.mp4"), "--at", "0.64", "--where", "label != 'run'"]
    search.main([*words, "--json", "--html", str(tmp_path / "page.html")])
    content = json.loads(capsys.readouterr().out)
    assert content["query"] == {"path": str(folder / "videos/walk/1.mp4"), "start": 0.64, "end": pytest.approx(1.28)}
    assert content["search"] == "exact among 7 clips (tiny, level 5)"
    assert content["found"][0]["id"] == "walk/1.mp4"
    assert {each["label"] for each in content["found"]} == {"walk"}
    assert (tmp_path / "page.html").read_text().count("data:image/webp") == 1 + len(content["found"])
    with pytest.raises(OverwriteError):
        search.main([*words, "--html", str(tmp_path / "page.html")])
    with pytest.raises(SettingsError, match="makes no sense"):
        search.main([*words[:-1], "label = walk"])


def test_near_duplicates_are_shown_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search.main([str(folder / "table"), str(folder / "videos/run/0.mp4"), "--top", "1"])
    *_, first, copy = capsys.readouterr().out.splitlines()
    assert first.endswith("/videos/run/0.mp4  [run]")
    assert copy.split() == ["=", f"{folder}/videos/run/again.mp4", "0.00", "s"]


def test_duplicates_are_listed(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    duplicates.main([str(folder / "table"), "--similarity", "1", "--out", str(tmp_path / "out.csv")])
    first, second, counted, typical = capsys.readouterr().out.splitlines()
    assert first.split()[0] == f"{folder}/videos/run/0.mp4"
    assert second.split() == ["=", "1.0000", f"{folder}/videos/run/again.mp4", "0.00–1.60", "s"]
    assert counted == "1 near duplicates among 5 videos, in 1 groups"
    assert typical.startswith("of pairs drawn at random half are more similar than 0.")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        members = list(csv.DictReader(file))
    assert [(each["group"], each["id"], each["similarity"]) for each in members] == [
        ("0", "run/0.mp4", ""),
        ("0", "run/again.mp4", "1.0"),
    ]
    duplicates.main([str(folder / "table"), "--similarity", "1", "--kind", "clip", "--json"])
    assert {each["id"] for each in json.loads(capsys.readouterr().out)} >= {"run/0.mp4", "run/again.mp4"}


@pytest.mark.parametrize("by", ["diverse", "rare"])
@pytest.mark.parametrize("name", ["list.csv", "list.txt"])
def test_what_is_curated_can_be_prepared(
    by: str, name: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, links = tmp_path / name, tmp_path / "links"
    words = ["--similarity", "1", "--by", by, "--keep", "60%", "--links", str(links)]
    curate.main([str(folder / "table"), "--out", str(out), *words])
    assert capsys.readouterr().out == f"3 of 5 videos chosen, 1 near duplicates left out, in {out}\n"
    listed = collected(out).files
    assert len(listed) == 3
    assert all(file.path.is_file() for file in listed)
    linked = collected(links).files
    assert {file.path.resolve() for file in linked} == {file.path.resolve() for file in listed}
    if out.suffix == ".csv":
        assert {file.labels["class"] for file in listed} <= {"run", "walk"}
    assert {file.id.split("/")[0] for file in linked} <= {"run", "walk"}


def test_how_many_are_kept(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(folder / "table"), "--out", str(tmp_path / "list.csv"), "--similarity", "1"]
    for keep in ("0", "0%", "many", "101%", "-3", "5.5"):
        with pytest.raises(SettingsError, match=r"expected a share of the videos, as in 10%, or a number"):
            curate.main([*words, f"--keep={keep}"])
    with pytest.raises(CollectionError, match=r"no video of .* fulfils the condition"):
        curate.main([*words, "--where", "label = 'fly'"])
    with pytest.raises(SettingsError, match=r"expected a name that ends in .csv or .txt"):
        curate.main([*words[:2], str(tmp_path / "list")])
    curate.main([*words, "--keep", "99"])
    assert "4 of 5 videos chosen" in capsys.readouterr().out


def test_paths_that_look_like_a_path_and_a_label(tmp_path: Path, folder: Path) -> None:
    name = "my videos/a.mp4 b, c.mp4"
    Clip(frames=30, width=72, height=56).write(tmp_path / name)
    embed.main([str(folder / "weights.safetensors"), str(tmp_path / "my videos"), "--out", str(tmp_path / "t.lance")])
    for made in ("list.txt", "list.csv"):
        curate.main([str(tmp_path / "t.lance"), "--out", str(tmp_path / made)])
        (file,) = collected(tmp_path / made).files
        assert (file.path, file.labels) == (tmp_path / name, {})


def test_files_hold_a_table_and_parquet_is_the_way_back(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = EmbeddingTable.open(folder / "table")
    for suffix in (".parquet", ".npy", ".csv"):
        export.main([str(folder / "table"), "--out", str(tmp_path / f"out{suffix}")])
        assert capsys.readouterr().out == f"{table.count()} rows in {tmp_path}/out{suffix}\n"
    rows, vectors = table.rows(), table.vectors(None).vectors
    assert np.array_equal(np.load(tmp_path / "out.npy"), vectors)
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [(each["id"], each["kind"], each["start"]) for each in csv.DictReader(file)] == [
            (row.id, row.kind, str(row.start)) for row in rows
        ]
    export.main([str(tmp_path / "out.parquet"), "--out", str(tmp_path / "again.lance")])
    assert capsys.readouterr().out == f"{table.count()} rows in {tmp_path}/again.lance\n"
    assert contents(tmp_path / "again.lance") == contents(folder / "table")
    assert EmbeddingTable.open(tmp_path / "again.lance").facts == table.facts
    words = [str(folder / "weights.safetensors"), str(folder / "videos"), "--clips", "all"]
    embed.main([*words, "--out", str(tmp_path / "again.lance")])
    assert capsys.readouterr().out.splitlines() == [
        f"0 videos embedded, 5 kept (tiny) in {tmp_path}/again.lance",
        LABELS,
    ]
    export.main([str(folder / "table"), "--out", str(tmp_path / "some.npy"), "--kind", "clip", "--where", "start = 0"])
    assert len(np.load(tmp_path / "some.npy")) == 5


def test_what_no_file_is_made_of(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"expected a name that ends in \.parquet, \.npy, \.csv; or name a --to"):
        export.main([str(folder / "table"), "--out", str(tmp_path / "out")])
    with pytest.raises(
        SettingsError, match=r"makes a whole table again and nothing else: give --out FOLDER\.lance alone"
    ):
        export.main([str(tmp_path / "x.parquet"), "--out", str(tmp_path / "out"), "--to", "tensorboard"])
    with pytest.raises(CollectionError, match=r"x\.parquet cannot be read \(No such file or directory\)"):
        export.main([str(tmp_path / "x.parquet"), "--out", str(tmp_path / "out")])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", ["tensorboard", "fiftyone", "atlas"])
def test_exports_say_what_to_type_next(
    to: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / ("out.lance" if to == "atlas" else "out")
    extra = ["--pictures"] if to == "tensorboard" else []
    words = [str(folder / "table"), "--to", to, "--out", str(out)]
    export.main([*words, *extra])
    assert capsys.readouterr().out.startswith(f"5 videos in {out}. Next: ")
    assert out.exists()
    assert (out / "sprite.png").exists() == (to == "tensorboard")
    with pytest.raises(OverwriteError):
        export.main(words)
    with pytest.raises(CollectionError, match=r"no clip of .* fulfils the condition"):
        export.main([*words[:-1], str(tmp_path / "other"), "--kind", "clip", "--where", "start > 99"])


def test_a_table_keeps_its_facts(folder: Path) -> None:
    facts = EmbeddingTable.open(folder / "table").facts
    assert facts.weights == str(folder / "weights.safetensors")
    assert list(facts.sources) == [str(folder / "videos")]
