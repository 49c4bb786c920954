"""Labels given in the page: kept in a table that unreel itself reads, whole or not at all."""

import csv
import os
import re
import shlex
import stat
import subprocess
import sys
from collections import Counter
from html import unescape
from pathlib import Path
from threading import Thread

import av
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_fixtures import NASTY, Shop, key

from unreel.checkpoint import read_weights
from unreel.cli.finetune import run as finetune
from unreel.engine.locks import locked
from unreel.errors import CollectionError, SettingsError
from unreel.settings.finetuning import FinetuneSettings
from unreel.video.collection.label_tables import read_table
from unreel.video.collection.path_lists import collected
from unreel.web.label_keys import LabelKeys
from unreel.web.labels import Labels, checked_label
from unreel.web.selection import read_items
from unreel.web.site import Site


def give(client: httpx.Client, label: str, *items: str) -> httpx.Response:
    """Label items through the API."""
    return client.put("/api/labels/items", json={"items": items, "label": label})


@pytest.mark.usefixtures("no_labels")
def test_labels_are_given_changed_and_taken_away(client: httpx.Client) -> None:
    first, second = key("walk/0.mp4"), key("run/0.mp4")
    assert give(client, " slow ", first, second).json()["labels"] == [
        {"item": first, "id": "walk/0.mp4", "label": "slow"},
        {"item": second, "id": "run/0.mp4", "label": "slow"},
    ]
    give(client, "fast", second)
    assert [each["label"] for each in client.get("/api/labels").json()["labels"]] == ["slow", "fast"]
    assert client.get(f"/api/videos/{second}").json()["given"] == "fast"
    assert give(client, "", first).json()["labels"] == [{"item": second, "id": "run/0.mp4", "label": "fast"}]


def test_what_else_the_table_holds_stays(no_labels: Site, client: httpx.Client, shop: Shop) -> None:
    video = shop.folder / "walk/1.mp4"
    no_labels.labels.path.write_text(f"path,scene,label\n/elsewhere/a.mp4,park,run\n{video},street,\n")
    give(client, "walk", key("walk/1.mp4"))
    assert read_table(no_labels.labels.path) == {
        "/elsewhere/a.mp4": {"scene": "park", "label": "run"},
        str(video): {"scene": "street", "label": "walk"},
    }
    page = client.get("/labels").text
    assert "1 given here, 1 rows about other videos" in page


def test_unreel_reads_the_table_whatever_the_names(no_labels: Site, client: httpx.Client, shop: Shop) -> None:
    give(client, 'odd, "quoted"', *map(key, (*NASTY, "odd/caf\\xe9.mp4")))
    found = collected(no_labels.labels.path)
    names = (*NASTY, os.fsdecode(b"odd/caf\xe9.mp4"))
    assert sorted(file.path for file in found.files) == sorted(shop.folder / name for name in names)
    assert {file.labels["label"] for file in found.files} == {'odd, "quoted"'}
    assert len(client.get("/api/labels").json()["labels"]) == len(names)
    assert all(file.path.is_file() for file in found.files)


def test_a_table_of_another_program_is_gone_on_with(site: Site, shop: Shop) -> None:
    labels = Labels(shop.folder / "excel.csv", site.catalogue)
    content = f"label;File;scene\r\nslow;walk\\0.mp4;park\r\nslow;{shop.folder}/walk/1.mp4;\r\n"
    labels.path.write_bytes(content.encode("utf-16"))
    try:
        items = read_items(site.catalogue, [key("walk/1.mp4"), key("run/0.mp4")])
        labels.give("fast", items)
        assert labels.table() == {
            "walk/0.mp4": {"label": "slow", "scene": "park"},
            "walk/1.mp4": {"label": "fast"},
            "run/0.mp4": {"label": "fast"},
        }
    finally:
        labels.path.unlink()


def test_a_labelled_piece_is_cut_out(no_labels: Site, client: httpx.Client) -> None:
    item = f"{key('long.mp4')}@1.200-3.200"
    give(client, "middle", item)
    (file,) = collected(no_labels.labels.path).files
    assert file.path.parent == no_labels.labels.clips
    with av.open(str(file.path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 50
    (given,) = client.get("/api/labels").json()["labels"]
    assert given == {"item": item, "id": "long.mp4", "label": "middle"}
    assert client.get(f"/api/videos/{key('long.mp4')}").json()["given"] == ""
    give(client, "", item)
    assert not file.path.exists()


def test_a_piece_that_cannot_be_cut_leaves_all_as_it_was(no_labels: Site, client: httpx.Client) -> None:
    items = [key("walk/0.mp4"), f"{key('lost/removed.mp4')}@0.0-0.5"]
    assert give(client, "x", *items).status_code == 404
    assert not no_labels.labels.path.exists()


@pytest.mark.parametrize("label", ["a/b", "..", "a\\b", "two\nlines", "x" * 101, "\0"])
def test_labels_that_make_no_folder_are_skipped(label: str) -> None:
    with pytest.raises(SettingsError, match="expected at most 100 printable letters without slashes"):
        checked_label(label)


@pytest.mark.parametrize("item", ["", "x", "0" * 16, "0123456789abcdef@2-1", "{key}@3-2", "{key}@1", "../../etc"])
def test_items_that_are_none_are_skipped(no_labels: Site, client: httpx.Client, item: str) -> None:
    answer = client.post("/labels", data={"label": "x", "pick": item.format(key=key("walk/0.mp4"))})
    assert answer.status_code == 400
    assert not no_labels.labels.path.exists()


def test_a_table_that_is_none_is_left_alone(no_labels: Site, client: httpx.Client) -> None:
    no_labels.labels.path.write_text("my,notes\n1,2\n")
    answer = give(client, "x", key("walk/0.mp4"))
    assert answer.status_code == 409
    assert "expected a header" in answer.json()["detail"]
    assert no_labels.labels.path.read_text() == "my,notes\n1,2\n"


def test_a_place_that_cannot_be_written_is_told(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    labels = Labels(tmp_path / "file" / "labels.csv", site.catalogue)
    with pytest.raises(CollectionError, match=r"cannot be written: .*Name another file with --labels\.$"):
        labels.give("x", read_items(site.catalogue, [key("walk/0.mp4")]))
    (tmp_path / "taken-clips").write_text("")
    (item,) = read_items(site.catalogue, [f"{key('long.mp4')}@0-1"])
    with pytest.raises(CollectionError, match=r"cannot be written: .*Name another file with --labels\.$"):
        Labels(tmp_path / "taken.csv", site.catalogue).keep(tmp_path / "file", item)


def test_many_at_once_lose_nothing(no_labels: Site) -> None:
    items = read_items(
        no_labels.catalogue, [key(f"{name}/{number}.mp4") for name in ("walk", "run") for number in range(4)]
    )
    threads = [Thread(target=no_labels.labels.give, args=(str(n), [each])) for n, each in enumerate(items)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(label for _, label in no_labels.labels.given()) == sorted(map(str, range(8)))
    assert stat.S_IMODE(no_labels.labels.path.stat().st_mode) & 0o400


@given(st.lists(st.sampled_from("abcdefghijklmnop"), max_size=60))
def test_a_label_keeps_its_key_while_others_come(given_one_by_one: list[str]) -> None:
    keys, counts, known = LabelKeys(), Counter[str](), list("zyxw")
    before = keys.assign(counts, known)
    assert before == known
    for label in given_one_by_one:
        counts[label] += 1
        after = keys.assign(counts, known)
        assert all(one == two for one, two in zip(before, after, strict=False) if counts[one])
        assert len(set(after)) == len(after) == min(9, len(after))
        assert label in after or all(map(counts.__getitem__, after))
        before = after


def test_paths_below_the_table_are_relative(site: Site, shop: Shop) -> None:
    labels = Labels(shop.folder / "mine.csv", site.catalogue)
    try:
        labels.give("x", read_items(site.catalogue, [key("walk/0.mp4")]))
        with labels.path.open(newline="", encoding="utf-8-sig") as file:
            assert list(csv.reader(file)) == [["path", "label"], ["walk/0.mp4", "x"]]
        assert [item.video.row.id for item, _ in labels.given()] == ["walk/0.mp4"]
        labels.give("=cmd|x", read_items(site.catalogue, [key("walk/0.mp4")]))
        assert '"\'=cmd|x"' in labels.path.read_text(encoding="utf-8-sig")
        assert [label for _, label in labels.given()] == ["=cmd|x"]
    finally:
        labels.path.unlink()


def test_finetune_takes_the_table(
    no_labels: Site, client: httpx.Client, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    give(client, "slow", *(key(f"walk/{number}.mp4") for number in range(3)))
    give(client, "fast", *(key(f"run/{number}.mp4") for number in range(3)), f"{key('long.mp4')}@2-4")
    settings = FinetuneSettings(
        folder=no_labels.labels.path, weights=shop.run, out=tmp_path / "run", steps=2, batch_size=2, accelerator="cpu"
    )
    finetune(settings)
    origin = read_weights(tmp_path / "run").origin
    assert (origin.label, origin.classes) == ("label", ("fast", "slow"))


def command(client: httpx.Client, verb: str = "finetune") -> list[str]:
    """The words of the command that the page of labels prints."""
    found = re.search(rf'<code class="command">(unreel {verb} .*?)</code>', client.get("/labels").text)
    return shlex.split(unescape(found[1])) if found else []


@pytest.mark.usefixtures("no_labels")
@pytest.mark.slow
@pytest.mark.parametrize("pieces", [(), ("long.mp4@2.000-4.000",)])
def test_the_printed_command_runs_as_it_is_printed(
    client: httpx.Client, tmp_path: Path, pieces: tuple[str, ...]
) -> None:
    give(client, "slow", *(key(f"walk/{number}.mp4") for number in range(4)), key("lost/removed.mp4"))
    assert command(client) == []
    give(client, "fast lane", *(key(f"run/{number}.mp4") for number in range(3)))
    give(client, "fast lane", *(f"{key(name)}@{rest}" for name, _, rest in (each.partition("@") for each in pieces)))
    words = command(client)
    assert words[words.index("--out") + 1] == f"runs/labels-{7 + len(pieces)}"
    assert ("--test-fold" in words) == (not pieces)
    environment = os.environ | {"UNREEL_CACHE": str(tmp_path / "cache"), "COLUMNS": "80"}
    for typed in (command(client, "predict"), words):
        ran = subprocess.run(
            [sys.executable, "-m", *typed], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) > 20
    assert read_weights(tmp_path / words[words.index("--out") + 1]).origin.classes == ("fast lane", "slow")
    assert ("tested on 2 videos" in ran.stdout + ran.stderr) == (not pieces)


def test_a_table_that_is_protected_stays(no_labels: Site, client: httpx.Client) -> None:
    no_labels.labels.path.write_text("path,label\n")
    no_labels.labels.path.chmod(0o444)
    answer = give(client, "x", key("walk/0.mp4"))
    assert answer.status_code == 409
    assert "cannot be written: it is read-only. Name another file with --labels." in answer.json()["detail"]
    assert no_labels.labels.path.read_text() == "path,label\n"


def test_who_may_read_the_table_and_where_it_lies_stays(site: Site, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    kept = tmp_path / "kept" / "labels.csv"
    kept.write_text("path,label\n")
    kept.chmod(0o600)
    (tmp_path / "labels.csv").symlink_to(kept)
    labels = Labels(tmp_path / "labels.csv", site.catalogue)
    labels.give("x", read_items(site.catalogue, [key("walk/0.mp4")]))
    assert (tmp_path / "labels.csv").is_symlink()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [row["label"] for row in read_table(kept).values()] == ["x"]


def test_an_edit_in_between_is_kept_and_a_broken_one_told(no_labels: Site, client: httpx.Client) -> None:
    table = no_labels.labels.path
    give(client, "x", key("walk/0.mp4"))
    mine = table.read_text()
    table.write_text(mine.replace(",x", ",y"))  # of the same size
    assert give(client, "z", key("walk/1.mp4")).status_code == 200
    assert sorted(label for _, label in no_labels.labels.given()) == ["y", "z"]
    table.write_text("nonsense\n")
    for path in ("/", "/labels", "/api/videos"):
        assert client.get(path).status_code == 409
    table.write_text(mine)
    assert client.get("/").status_code == 200


def test_a_table_that_another_program_holds_is_told(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unreel.engine.locks.PATIENCE", 0.1)
    labels = Labels(tmp_path / "labels.csv", site.catalogue)
    with (
        locked(tmp_path / "labels.csv.lock"),
        pytest.raises(CollectionError, match=r"another program holds labels\.csv\.lock\. End that, and"),
    ):
        labels.give("x", read_items(site.catalogue, [key("walk/0.mp4")]))
