"""Which videos there are and which are wanted: filters choose among them and do nothing else."""

from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_fixtures import NASTY, Shop, key

from unreel.errors import CollectionError, SettingsError
from unreel.search.table import EmbeddingTable
from unreel.web.catalogue import Catalogue, VideoFilter, quoted
from unreel.web.site import Site, beside


def names(site: Site, wanted: VideoFilter, order: str = "name") -> list[str]:
    """The ids of what is wanted."""
    return [video.row.id for video in site.catalogue.find(wanted, order, {})]


def test_all_videos_are_there_each_with_a_key_of_its_own(site: Site) -> None:
    everything = names(site, VideoFilter())
    assert len(everything) == len(site.catalogue.videos) == 20
    assert everything == sorted(everything)
    assert all(site.catalogue.video(name).key == key(name) for name in everything)


def test_what_is_wanted_is_found(site: Site) -> None:
    assert names(site, VideoFilter(text="lk/1")) == ["walk/1.mp4"]
    assert names(site, VideoFilter(label="run", text="OLD")) == ["run/old.avi"]
    assert names(site, VideoFilter(text="GRÜSSE")) == []
    assert names(site, VideoFilter(text="GRÜ")) == ["odd/grüße 🎬.mp4"]
    assert names(site, VideoFilter(where="label = 'walk' AND end > 1.4")) == ["walk/2.mp4", "walk/3.mp4"]
    assert names(site, VideoFilter(label="walk", where="label = 'run'")) == []
    assert names(site, VideoFilter(where="label = 'walk' OR label = 'run'", text="/0")) == ["run/0.mp4", "walk/0.mp4"]


def test_the_order_is_as_asked(site: Site) -> None:
    assert names(site, VideoFilter(label="walk"), "longest")[0] == "walk/3.mp4"
    assert names(site, VideoFilter(), "longest")[0] == "long.mp4"
    by_size = [site.catalogue.video(name).row.size for name in names(site, VideoFilter(), "largest")]
    assert by_size == sorted(by_size, reverse=True)
    with pytest.raises(SettingsError, match="order is 'random', expected one of: name, label"):
        site.catalogue.find(VideoFilter(), "random", {})


@pytest.mark.parametrize("name", NASTY)
def test_odd_names_are_found_by_themselves(site: Site, name: str) -> None:
    assert names(site, VideoFilter(text=name.removeprefix("odd/"))) == [name]
    assert name in names(site, VideoFilter(label="odd"))


INJECTIONS = [
    "' OR '1' = '1",
    "'; DROP TABLE embeddings; --",
    "x') OR (id != 'x",
    "%' OR id LIKE '%",
    "\\' OR 1=1 --",
    "') UNION SELECT path FROM embeddings --",
    "' OR ''='",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_texts_and_labels_are_only_texts(site: Site, text: str) -> None:
    assert names(site, VideoFilter(text=text)) == []
    assert names(site, VideoFilter(label=text)) == []


@pytest.mark.parametrize("where", [*INJECTIONS, "label = 'walk') OR (id != ''", "1 = 1", "vector = 'x'", "exec('x')"])
def test_conditions_are_conditions_by_themselves_or_skipped(client: httpx.Client, where: str) -> None:
    for path in ("/api/videos", f"/api/videos/{key('walk/0.mp4')}/similar", "/", f"/video/{key('walk/0.mp4')}"):
        answer = client.get(path, params={"where": where})
        assert answer.status_code == 400
        assert "makes no sense at" in answer.text


@given(st.text(max_size=40))
def test_any_text_finds_what_has_it_in_its_name(text: str) -> None:
    condition = VideoFilter(text=text).condition()
    if condition is not None:
        assert condition.count(quoted(f"%{text.replace(chr(92), '_')}%")) == 2


def test_only_tables_of_one_collection_are_shown_together(shop: Shop, tmp_path: Path, site: Site) -> None:
    assert [shown.name for shown in site.catalogue.shown] == ["tiny", "untrained"]
    twice = Catalogue.open([shop.tables[0], shop.tables[0]])
    assert [shown.name for shown in twice.shown] == [
        f"tiny {twice.shown[0].table.facts.checkpoint[:6]}, level 5 ({n})" for n in (1, 2)
    ]
    with pytest.raises(CollectionError, match=r"there is no table of embeddings at .*nothing\.lance"):
        Catalogue.open([tmp_path / "nothing.lance"])


def test_tables_of_other_collections_are_skipped(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    first, other = (EmbeddingTable.open(shop.tables[0]) for _ in range(2))
    rows = other.rows(kind="video")
    moved = [type(row)(**{**vars(row), "path": f"/elsewhere/{row.id}"}) for row in rows]
    monkeypatch.setattr(other, "rows", lambda **_: moved)
    with pytest.raises(CollectionError, match=r"has .* at /elsewhere/.*, expected .*: only tables of one collection"):
        Catalogue([first, other])
    monkeypatch.setattr(other, "rows", lambda **_: [])
    with pytest.raises(CollectionError, match=r"holds no video\. Embed some: unreel embed RUN FOLDER --out TABLE"):
        Catalogue([other])


@pytest.mark.parametrize(
    ("table", "place"),
    [("a/hdc.lance", "a/hdc.labels.csv"), ("a/hdc", "a/hdc.labels.csv"), ("s3://bucket/hdc/", "hdc.labels.csv")],
)
def test_labels_go_beside_the_table(table: str, place: str) -> None:
    assert beside(table) == Path(place)
