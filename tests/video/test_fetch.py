"""The three data sets in miniature, in the true layout of their archives, from a server on this machine."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from clips import Clip
from folders import make
from official_lists import HMDB51, KINETICS, UCF101, write_hmdb51, write_kinetics
from rar import rar
from served import lists, serve_ucf101
from web import IMPATIENT, Page, Web

from unreel.errors import CollectionError, OutputError, SettingsError
from unreel.video.collection.discover import find_videos
from unreel.video.collection.layouts import arranged
from unreel.video.fetch.fetch import DataSetName, Fetched, FetchOptions, SplitName, fetch, items, left_to_do

OFFICIAL = "https://s3.amazonaws.com/kinetics/400"


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Web() as server:
        yield server


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video."""
    return Clip(frames=3, codec="mpeg4").write(tmp_path_factory.mktemp("clip") / "a.avi").read_bytes()


def tar_gz(files: dict[str, bytes]) -> bytes:
    """As Kinetics' are: an entry for the folder, then `./name.mp4`."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def serve_hmdb51(web: Web, clip: bytes, scratch: Path) -> None:
    written = lists(write_hmdb51(scratch / "lists", HMDB51))
    splits = {f"testTrainMulti_7030_splits/{name}": content for name, content in written.items()}
    web.serve("/m/test_train_splits.rar", Page(rar(splits)))
    classes = {
        f"{label}.rar": rar({f"{label}/{name}.avi": clip for name, (own, _) in HMDB51.items() if own == label})
        for label in ("clap", "wave")
    }
    web.serve("/m/hmdb51_org.rar", Page(rar(classes)))


def serve_kinetics(web: Web, clip: bytes, scratch: Path) -> None:
    write_kinetics(scratch / "lists", KINETICS)
    (scratch / "lists" / "validate.csv").rename(scratch / "lists" / "val.csv")
    for part in ("train", "val", "test"):
        web.serve(f"/m/annotations/{part}.csv", Page((scratch / "lists" / f"{part}.csv").read_bytes()))
        names = [name for name, (_, splits) in KINETICS.items() if splits["1"] == part]
        web.serve(
            f"/m/{part}/k400_{part}_path.txt",
            Page("".join(f"{OFFICIAL}/{part}/part_{number}.tar.gz\n" for number in range(len(names))).encode()),
        )
        for number, name in enumerate(names):
            inside = f"./{name}.mp4" if number == 0 else f"home/somebody/train/{name}.mp4"
            web.serve(f"/m/{part}/part_{number}.tar.gz", Page(tar_gz({inside: b"damaged"})))
    whole = {f"./{name}.mp4": clip for name, (_, splits) in KINETICS.items() if splits["1"] == "train"}
    web.serve("/m/replacement_for_corrupted_k400.tgz", Page(tar_gz(whole)))


SERVE = {"ucf101": serve_ucf101, "hmdb51": serve_hmdb51, "kinetics400": serve_kinetics}
PLANS = {"ucf101": UCF101, "hmdb51": HMDB51, "kinetics400": KINETICS}
NAMES: list[DataSetName] = ["ucf101", "hmdb51", "kinetics400"]


def options_for(web: Web, name: DataSetName, *, unverified: bool = True) -> FetchOptions:
    """All of a data set from the server; its archives are not the published ones."""
    parts: tuple[SplitName, ...] = ("train", "val", "test") if name == "kinetics400" else ()
    return FetchOptions(parts, mirror=f"{web.address}/m", unverified=unverified, patience=IMPATIENT)


@pytest.mark.parametrize("name", NAMES)
def test_a_data_set_comes_to_lie_where_it_is_looked_for(
    name: DataSetName, web: Web, clip: bytes, tmp_path: Path
) -> None:
    SERVE[name](web, clip, tmp_path)
    folder = tmp_path / "data" / "set"
    assert fetch(name, folder, options_for(web, name)) == Fetched(folder, len(PLANS[name]), missing=0)
    collection = arranged(find_videos(folder), name)
    found = {file.path.stem: (file.labels.get("class", ""), file.splits) for file in collection.files}
    withheld = {"0wR5jVB-WPk_000417_000427": ("", {"1": "test"})} if name == "kinetics400" else {}
    assert found == PLANS[name] | withheld
    assert not [path.name for path in folder.rglob("*") if path.suffix in (".rar", ".zip", ".gz", ".tgz", ".part")]
    asked = [request.path for request in web.requests]
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_done_twice(name: DataSetName, web: Web, clip: bytes, tmp_path: Path) -> None:
    SERVE[name](web, clip, tmp_path)
    folder, options = tmp_path / "set", options_for(web, name)
    first = fetch(name, folder, options)
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*.avi")}
    web.requests.clear()
    assert fetch(name, folder, options) == first
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.avi")} == written
    assert all(request.path.endswith("_path.txt") for request in web.requests)
    assert left_to_do(name, folder, options) == []


def test_a_damaged_video_of_kinetics_is_replaced(web: Web, clip: bytes, tmp_path: Path) -> None:
    serve_kinetics(web, clip, tmp_path)
    fetch("kinetics400", tmp_path / "set", options_for(web, "kinetics400"))
    contents = {path.stem: path.read_bytes() for path in (tmp_path / "set").rglob("*.mp4")}
    parts = {name: splits["1"] for name, (_, splits) in KINETICS.items()}
    assert contents == {name: clip if part == "train" else b"damaged" for name, part in parts.items()}


def test_parts_of_kinetics_are_taken_one_by_one(web: Web, clip: bytes, tmp_path: Path) -> None:
    serve_kinetics(web, clip, tmp_path)
    folder = tmp_path / "set"
    options = replace(options_for(web, "kinetics400"), parts=("val",))
    assert fetch("kinetics400", folder, options) == Fetched(folder, 1, missing=0)
    assert {path.name for path in folder.iterdir()} == {"archives", "annotations", "val"}
    assert {request.path for request in web.requests} == {
        "/m/annotations/val.csv",
        "/m/val/k400_val_path.txt",
        "/m/val/part_0.tar.gz",
    }
    assert fetch("kinetics400", folder, replace(options, parts=("train", "test"))) == Fetched(folder, 4, missing=0)


def test_train_and_val_are_what_kinetics_is_without_parts(web: Web, clip: bytes, tmp_path: Path) -> None:
    serve_kinetics(web, clip, tmp_path)
    names = [item.file.name for item in items("kinetics400", replace(options_for(web, "kinetics400"), parts=()))]
    assert names == [
        "train.csv",
        "val.csv",
        "train/part_0.tar.gz",
        "train/part_1.tar.gz",
        "val/part_0.tar.gz",
        "replacement_for_corrupted_k400.tgz",
    ]


def test_archives_are_kept_where_it_is_asked(web: Web, clip: bytes, tmp_path: Path) -> None:
    serve_ucf101(web, clip, tmp_path)
    fetch("ucf101", tmp_path / "set", replace(options_for(web, "ucf101"), keep_archives=True))
    kept = tmp_path / "set" / "archives" / "UCF101.rar"
    assert kept.read_bytes() == web.pages["/m/UCF101.rar"].content


def test_an_archive_that_the_user_brought_is_used_and_stays(web: Web, clip: bytes, tmp_path: Path) -> None:
    serve_ucf101(web, clip, tmp_path)
    make(tmp_path / "set", "archives/UCF101.rar")
    brought = tmp_path / "set" / "archives" / "UCF101.rar"
    brought.write_bytes(web.pages.pop("/m/UCF101.rar").content)
    assert fetch("ucf101", tmp_path / "set", options_for(web, "ucf101")).videos == len(UCF101)
    assert brought.exists()


def test_the_published_checksums_are_looked_at(web: Web, clip: bytes, tmp_path: Path) -> None:
    serve_ucf101(web, clip, tmp_path)
    serve_hmdb51(web, clip, tmp_path / "hmdb51")
    options = options_for(web, "ucf101", unverified=False)
    with pytest.raises(CollectionError, match=r"has a file of [0-9]+ bytes, expected 113943"):
        fetch("ucf101", tmp_path / "set", options)
    with pytest.raises(CollectionError, match=r"has the sha256 [0-9a-f]{64}, expected 229c94f845720d01eb39"):
        fetch("hmdb51", tmp_path / "set", options)
    assert not list((tmp_path / "set").rglob("*.unpacked"))


def test_the_official_addresses_are_whole() -> None:
    files = [item.file for name in NAMES[:2] for item in items(name, FetchOptions())]
    assert [file.name for file in files] == [
        "UCF101TrainTestSplits-RecognitionTask.zip",
        "UCF101.rar",
        "test_train_splits.rar",
        "hmdb51_org.rar",
    ]
    assert all(len(bytes.fromhex(file.sha256)) == hashlib.sha256().digest_size for file in files)
    assert all(address.startswith("https://") for file in files for address in file.addresses)


def test_a_stop_at_any_request_is_gone_on_with(web: Web, clip: bytes, tmp_path: Path) -> None:
    serve_kinetics(web, clip, tmp_path)
    options = options_for(web, "kinetics400")
    order = [item.file.addresses[0].removeprefix(web.address) for item in items("kinetics400", options)]
    for path in order:
        pages = dict(web.pages)
        web.pages[path] = Page(statuses=[404])
        with pytest.raises(CollectionError, match=f"{path} answered 404"):
            fetch("kinetics400", tmp_path / "set", options)
        web.pages = pages
    web.requests.clear()
    assert fetch("kinetics400", tmp_path / "set", options).videos == len(KINETICS)
    assert [request.path for request in web.requests if not request.path.endswith(".txt")] == order[-1:]


def test_a_damaged_archive_is_named(web: Web, clip: bytes, tmp_path: Path) -> None:
    serve_hmdb51(web, clip, tmp_path)
    page = web.pages["/m/hmdb51_org.rar"]
    whole, page.content = page.content, page.content[:-1000]
    archive = tmp_path / "set" / "archives" / "hmdb51_org.rar"
    with pytest.raises(CollectionError, match=f"{archive} is damaged: .* Delete it and run this again"):
        fetch("hmdb51", tmp_path / "set", options_for(web, "hmdb51"))
    assert not (tmp_path / "set" / "hmdb51_org").exists()
    page.content = whole
    archive.unlink()
    assert fetch("hmdb51", tmp_path / "set", options_for(web, "hmdb51")).videos == len(HMDB51)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "'nothing'"),
        (b"part_0.tar.gz\n", "'part_0.tar.gz'"),
        (b"https://example.org/a.zip", "'https://example.org/a.zip'"),
        (b"https://example.org/../..tar.gz\nhttps://example.org/..", "'https://example.org/..'"),
    ],
)
def test_a_list_of_archives_that_makes_no_sense_is_rejected(content: bytes, named: str, web: Web) -> None:
    web.serve("/m/val/k400_val_path.txt", Page(content))
    options = replace(options_for(web, "kinetics400"), parts=("val",))
    with pytest.raises(CollectionError, match="lists ") as caught:
        items("kinetics400", options)
    assert f"lists {named}, expected addresses of archives" in str(caught.value)


def test_two_processes_do_not_fetch_into_one_folder(web: Web, clip: bytes, tmp_path: Path) -> None:
    serve_ucf101(web, clip, tmp_path)
    make(tmp_path / "set", "archives/fetch.lock")
    code = (
        "import sys; from pathlib import Path; from unreel.engine.locks import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "set" / "archives" / "fetch.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(CollectionError, match=r"another process fetches into .*set\. Let it come to its end"):
            fetch("ucf101", tmp_path / "set", options_for(web, "ucf101"))
        assert not web.requests
        other.communicate("\n")
    assert fetch("ucf101", tmp_path / "set", options_for(web, "ucf101")).videos == len(UCF101)
    assert not (tmp_path / "set" / "archives" / "fetch.lock").exists()


def test_what_cannot_work_is_refused_before_anything_is_asked(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "file", "prepared/prepared.json")
    options = FetchOptions(mirror=web.address)
    with pytest.raises(SettingsError, match="got parts of ucf101, which has none"):
        fetch("ucf101", tmp_path / "set", replace(options, parts=("val",)))
    with pytest.raises(CollectionError, match="file is a file, expected a folder"):
        fetch("ucf101", tmp_path / "file", options)
    with pytest.raises(CollectionError, match="prepared holds prepared videos"):
        fetch("ucf101", tmp_path / "prepared", options)
    with pytest.raises(OutputError, match=r"set cannot be written: Not a directory\. Name another place"):
        fetch("ucf101", tmp_path / "file" / "set", options)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CollectionError, match="no program that unpacks it"):
        fetch("hmdb51", tmp_path / "set", FetchOptions())
    assert not web.requests
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("address", ["", "mirror.org/data", "ftp://mirror.org", "https://", "file:///data"])
def test_an_address_that_is_none_is_rejected(address: str) -> None:
    with pytest.raises(SettingsError, match=r"got the address .*, expected http"):
        FetchOptions(mirror=address)


def test_what_is_left_is_told_and_nothing_written(web: Web, clip: bytes, tmp_path: Path) -> None:
    serve_kinetics(web, clip, tmp_path)
    options = replace(options_for(web, "kinetics400"), parts=("val",))
    folder = tmp_path / "set"
    told = [(item.path(folder), size) for item, size in left_to_do("kinetics400", folder, options)]
    assert told == [
        (folder / "annotations" / "val.csv", len(web.pages["/m/annotations/val.csv"].content)),
        (folder / "archives" / "val" / "part_0.tar.gz", len(web.pages["/m/val/part_0.tar.gz"].content)),
    ]
    assert not folder.exists()


def test_the_mark_of_an_archive_says_how_many_files_it_held(web: Web, clip: bytes, tmp_path: Path) -> None:
    serve_ucf101(web, clip, tmp_path)
    fetch("ucf101", tmp_path / "set", options_for(web, "ucf101"))
    mark = tmp_path / "set" / "archives" / "UCF101.rar.unpacked"
    assert json.loads(mark.read_text()) == {"files": len(UCF101)}
