"""Facets: counts that follow each other, labels found at once, conditions that the address holds."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import rows_for
from test_web_templating import Elements
from web_fixtures import key

from unreel.errors import SettingsError
from unreel.web.catalogue import Video, key_of
from unreel.web.facets import Facets, value_text
from unreel.web.site import Site

pytestmark = pytest.mark.usefixtures("no_labels")


def made_up(labels: list[str]) -> list[Video]:
    """Videos with these labels, which are their folders."""
    rows = [rows_for(number, clips=1 + number % 30, label=label)[0] for number, label in enumerate(labels)]
    return [Video(key_of(row.id), row) for row in rows]


def counts(client: httpx.Client, *facets: str, **fields: str) -> dict[str, dict[str, int]]:
    """Facet → value → videos, with those in force."""
    found = client.get("/api/facets", params={"facet": facets, **fields}).json()
    return {facet["name"]: {each["value"]: each["videos"] for each in facet["values"]} for facet in found}


def ids(client: httpx.Client, *facets: str, **fields: Any) -> list[str]:
    """The ids of what is found."""
    answer = client.get("/api/videos", params={"facet": facets, "limit": 100, **fields}).json()
    assert answer["total"] == len(answer["videos"])
    return [video["id"] for video in answer["videos"]]


def label(client: httpx.Client, text: str, *names: str) -> None:
    """Label videos by their names."""
    assert client.put("/api/labels/items", json={"items": list(map(key, names)), "label": text}).status_code == 200


def test_everything_is_counted(client: httpx.Client) -> None:
    found = counts(client)
    assert list(found) == ["given", "differs", "suggested", "label.class", "folder", "length"]
    assert found["given"] == {"": 20}
    assert found["label.class"] == {"walk": 4, "run": 5, "odd": 5, "lost": 5, "": 1}
    assert found["folder"]["lost/link to a folder"] == 1
    assert sum(found["length"].values()) == 20


def test_counts_follow_each_other_and_say_what_would_be_found(client: httpx.Client) -> None:
    found = counts(client, "folder:walk")
    assert found["label.class"] == {"walk": 4}
    assert found["folder"]["run"] == 5
    length, count = next(iter(found["length"].items()))
    assert len(ids(client, "folder:walk", f"length:{length}")) == count
    assert len(ids(client, "folder:walk", "folder:run")) == 9
    assert ids(client, "folder:walk", "label.class:run") == []
    assert counts(client, text="walk/")["folder"] == {"walk": 4}


def test_labels_are_found_at_once(client: httpx.Client) -> None:
    label(client, "strolling", "walk/0.mp4", "run/0.mp4")
    label(client, "walk", "walk/1.mp4")
    assert ids(client, "given:strolling") == ["run/0.mp4", "walk/0.mp4"]
    assert ids(client, text="stroll") == ["run/0.mp4", "walk/0.mp4"]
    assert len(ids(client, "given:")) == 17
    assert ids(client, "differs:yes") == ["run/0.mp4", "walk/0.mp4"]
    assert ids(client, "differs:no") == ["walk/1.mp4"]
    assert counts(client, "differs:yes")["given"] == {"strolling": 2}
    label(client, "", "walk/0.mp4")
    assert ids(client, "given:strolling") == ["run/0.mp4"]


@pytest.mark.parametrize("facet", ["nothing:x", "walk", ":", "label.person:x"])
def test_facets_that_are_none_are_told(client: httpx.Client, facet: str) -> None:
    answer = client.get("/api/videos", params={"facet": facet})
    assert answer.status_code == 400
    assert (
        "expected NAME:VALUE with a name of: given, differs, suggested, label.class, folder, length."
        in answer.json()["detail"]
    )


LABELS = st.sampled_from(["", "run", "walk", "a/b"])


@given(st.lists(st.tuples(LABELS, LABELS), max_size=12), st.sets(st.tuples(st.sampled_from("gfl"), LABELS), max_size=4))
def test_counts_are_those_of_a_slow_loop(videos: list[tuple[str, str]], chosen: set[tuple[str, str]]) -> None:
    shown = made_up([own or "top" for own, _ in videos])
    given_labels = {video.key: given for video, (_, given) in zip(shown, videos, strict=True)}
    facets = Facets(shown)
    names = {"g": "given", "f": "folder", "l": "label.class"}
    try:
        wanted = facets.read(f"{names[facet]}:{value}" for facet, value in chosen)
    except SettingsError:  # no video has any label
        assert not videos
        return
    found, shown_facets = facets.count(shown, given_labels, wanted)

    def has(video: Video, facet: str, value: str) -> bool:
        return value in facets.values(video, given_labels[video.key])[facet]

    def fits(video: Video, but: str = "") -> bool:
        return all(any(has(video, name, each) for each in values) for name, values in wanted.items() if name != but)

    assert found == [video for video in shown if fits(video)]
    for facet in shown_facets:
        for each in facet.values:
            assert each.count == sum(fits(video, facet.name) and has(video, facet.name, each.value) for video in shown)
            assert each.chosen == (each.value in wanted.get(facet.name, ()))


def test_what_is_in_force_shows_as_chips_that_can_be_taken_away(client: httpx.Client) -> None:
    page = Elements(client.get("/?facet=folder:walk&facet=given:&text=walk&size=s").text)
    taken = {
        each["aria-label"]: each["href"] for each in page.all("a") if "Take away" in (each.get("aria-label") or "")
    }
    assert taken == {
        "Take away text: walk": "/?facet=folder%3Awalk&facet=given%3A&size=s",
        "Take away Folder: walk": "/?text=walk&facet=given%3A&size=s",
        "Take away Label given here: not yet labelled": "/?text=walk&facet=folder%3Awalk&size=s",
    }
    boxes = [each for each in page.all("input") if each.get("name") == "facet" and "checked" in each]
    assert [each["value"] for each in boxes] == ["given:", "folder:walk"]


PASS = f"/video/{key('walk/0.mp4')}?among=?facet=given%3A%26text=walk/"
"""The first video of a pass through what is not labelled yet."""


def test_a_pass_goes_on_after_a_label_though_its_video_is_found_no_more(client: httpx.Client) -> None:
    def around(address: str) -> dict[str, str]:
        links = Elements(client.get(address).text).all("a")
        return {str(each["rel"]): str(each["href"]).partition("?")[0] for each in links if each.get("rel")}

    assert around(PASS) == {"next": f"/video/{key('walk/1.mp4')}"}
    label(client, "strolling", "walk/0.mp4", "walk/2.mp4")
    assert around(PASS) == {"next": f"/video/{key('walk/1.mp4')}"}
    second = PASS.replace(key("walk/0.mp4"), key("walk/1.mp4"))
    assert around(second) == {"next": f"/video/{key('walk/3.mp4')}"}
    assert client.get(f"/video/{key('walk/0.mp4')}?among=?facet=no:x").status_code == 400
    assert client.get(f"/video/{key('walk/0.mp4')}?among=?order=x").status_code == 400


def test_values_are_told_in_words() -> None:
    assert value_text("given", "") == "not yet labelled"
    assert value_text("differs", "yes") == "differs from the table"
    assert value_text("label.class", "a/b") == "a/b"
    (folders,) = [each for each in Facets(made_up(["a/b"])).count(made_up(["a/b"]), {}, {})[1] if each.name == "folder"]
    assert [(each.value, each.text, each.depth) for each in folders.values] == [("a", "a", 0), ("a/b", "b", 1)]
    assert value_text("folder", "") == "in no folder"


def test_the_site_knows_the_facets_of_its_tables(site: Site) -> None:
    assert site.facets.titles["label.class"] == "class"
