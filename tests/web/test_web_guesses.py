"""What is guessed of other videos by the labels so far, and what is to be labelled next."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from tables import rows_for, write_rows
from web_fixtures import serving

from unreel.web.catalogue import key_of
from unreel.web.guesses import AT_ONCE
from unreel.web.security import Rules
from unreel.web.site import Site, SiteOptions, opened

KINDS = ("hop", "sit", "run")


@pytest.fixture
def made_up(tmp_path: Path) -> Iterator[Site]:
    """Ninety videos of three kinds that their vectors tell apart; labels are given in the page."""
    chance = np.random.default_rng(0)
    centres, rows, vectors = chance.normal(size=(3, 8)) * 4, [], []
    for number in range(90):
        own = rows_for(number, clips=1, label=KINDS[number % 3])
        rows += own
        vectors += [centres[number % 3] + chance.normal(size=8)] * len(own)
    write_rows(tmp_path / "t.lance", rows, np.array(vectors, np.float32))
    options = SiteOptions(
        [tmp_path / "t.lance"], tmp_path / "mine.csv", cache=tmp_path / "web", uploads=tmp_path / "up"
    )
    with opened(options) as site:
        yield site


@pytest.fixture
def client(made_up: Site) -> Iterator[httpx.Client]:
    with serving(made_up, Rules()) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


def next_ones(client: httpx.Client, count: int) -> list[dict[str, str]]:
    """The first videos to label next."""
    found = client.get("/api/videos", params={"order": "next", "limit": count})
    assert found.status_code == 200, found.text
    return list(found.json()["videos"])


def give(client: httpx.Client, key: str, label: str) -> None:
    assert client.put("/api/labels/items", json={"items": [key], "label": label}).status_code == 200


def test_a_few_labels_of_what_is_suggested_name_all_the_others(client: httpx.Client) -> None:
    assert not any(video["suggested"] for video in client.get("/api/videos").json()["videos"])
    for _ in range(3):
        for video in next_ones(client, 3):
            assert video["given"] == ""
            give(client, video["key"], video["label"])
    shown = next_ones(client, 90)
    labelled = [video for video in shown if video["given"]]
    assert len(labelled) == 9
    assert {video["given"] for video in labelled} == set(KINDS)
    assert all(video["suggested"] == "" for video in labelled)
    others = [video for video in shown if not video["given"]]
    assert [video["suggested"] for video in others] == [video["label"] for video in others]
    assert all(0.3 < float(video["confidence"]) <= 1 for video in others)
    assert not {video["key"] for video in shown[:AT_ONCE]} & {video["key"] for video in labelled}
    facets = {each["name"]: each["values"] for each in client.get("/api/facets").json()}
    assert {each["value"]: each["videos"] for each in facets["suggested"]} == {
        kind: sum(video["suggested"] == kind for video in others) for kind in KINDS
    }
    found = client.get("/api/videos", params={"facet": "suggested:hop", "limit": 100}).json()["videos"]
    assert {video["label"] for video in found} == {"hop"}


def test_the_pages_show_what_is_suggested_and_how_right_it_was(client: httpx.Client, made_up: Site) -> None:
    for video in next_ones(client, 6):
        give(client, video["key"], video["label"])
    (first,) = next_ones(client, 1)
    assert f"{first['suggested']}? " in client.get("/", params={"order": "next"}).text
    page = client.get(f"/video/{first['key']}", params={"among": "?order=next"}).text
    assert f'<button name="quick" value="{first["suggested"]}" formnovalidate data-key="a">' in page
    labels = client.get("/labels").text
    assert "<td>6</td>" in labels
    assert "unreel predict" in labels
    right, low, high = made_up.guesser.history[6]
    assert 0 <= low <= right <= high <= 1


def test_labels_of_pieces_do_not_count_and_one_class_guesses_nothing(made_up: Site) -> None:
    keys = [key_of(f"hop/{number:03}.mp4") for number in (0, 3)]
    found = made_up.guesser.refresh({keys[0]: "hop", f"{keys[1]}@0.5-1.5": "sit"}).result(60)
    assert (dict(found.given), found.likely, found.validation) == ({keys[0]: "hop"}, {}, None)
    assert len(found.following) == AT_ONCE
    assert keys[0] not in found.following
    assert made_up.guesser.refresh({keys[0]: "hop"}).result(60) is found  # nothing new was asked
