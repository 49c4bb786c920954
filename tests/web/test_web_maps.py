"""Maps: every video at a place, drawn once for all who ask and kept; a lasso finds what is inside."""

import asyncio
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from misbehave import hang, nowhere
from web_fixtures import Shop, awaited, key

from unreel.engine.limits import Limits
from unreel.engine.worker_pool import WorkerPool
from unreel.errors import CollectionError
from unreel.web import maps as module
from unreel.web.catalogue import Catalogue
from unreel.web.maps import Map, Maps


def test_every_video_has_a_place(client: httpx.Client) -> None:
    found = client.get("/api/maps/0").json()
    assert len(found["ids"]) == len(found["keys"]) == len(found["places"]) == len(found["labels"]) == 20
    assert all(found["found"])
    assert found["method"].startswith("t-SNE, perplexity 6")
    assert np.all((np.array(found["places"]) >= 0) & (np.array(found["places"]) <= 1))
    assert found["keys"][found["ids"].index("walk/0.mp4")] == key("walk/0.mp4")
    assert client.get("/api/maps/2").status_code == 400


async def _maps(maps: Maps, catalogue: Catalogue, times: int) -> list[Map]:
    return await asyncio.gather(*(maps.of(catalogue.shown[0]) for _ in range(times)))


def test_a_map_is_drawn_once_and_kept(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = Catalogue.open(shop.tables)
    monkeypatch.setattr(module, "places_of", nowhere)
    with WorkerPool(1, Limits(60.0, memory=0)) as pool:
        first, *others = awaited(_maps(Maps(tmp_path, pool), catalogue, 5))
        assert others == [first] * 4
        assert len(list(tmp_path.iterdir())) == 1
        monkeypatch.setattr(module, "places_of", hang)
        assert awaited(_maps(Maps(tmp_path, pool), catalogue, 1)) == [first]


POINTS = st.tuples(st.integers(0, 20), st.integers(0, 20))


@given(st.lists(POINTS, max_size=20), st.lists(POINTS, min_size=3, max_size=9))
def test_a_lasso_finds_what_a_ray_says_is_inside(places: list[tuple[int, int]], corners: list[tuple[int, int]]) -> None:
    def inside(x: float, y: float) -> bool:
        crossed = 0
        for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
            if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
                crossed += 1
        return crossed % 2 == 1

    drawn = Map("", [str(number) for number in range(len(places))], [(x / 20, y / 20) for x, y in places])
    polygon = [(x / 20 + 0.001, y / 20 + 0.00073) for x, y in corners]
    expected = {str(number) for number, (x, y) in enumerate(places) if inside(x - 0.02, y - 0.0146)}
    assert drawn.within(polygon) == expected


def test_a_lasso_is_a_condition_like_others(client: httpx.Client) -> None:
    drawn = client.get("/api/maps/0").json()
    left = {each for each, (x, _) in zip(drawn["ids"], drawn["places"], strict=True) if x < 0.5}
    lasso: dict[str, str | int] = {"lasso": "0 0,0 500,0 500,1000 0,1000", "limit": 100}
    assert {video["id"] for video in client.get("/api/videos", params=lasso).json()["videos"]} == left
    assert client.get("/api/videos", params={"lasso": "7 0,0 1,0 1,1"}).status_code == 400
    assert client.get("/api/videos", params={"lasso": "0 0,0 1,0"}).status_code == 422
    coloured = client.get("/api/maps/0", params={"colour": "length", **lasso}).json()
    assert set(coloured["labels"]) == {"under 2 s", "2 to 5 s", "5 to 10 s"}
    assert {each for each, found in zip(coloured["ids"], coloured["found"], strict=True) if found} == left
    assert client.get("/api/maps/0", params={"colour": "no such"}).status_code == 400


def test_a_map_that_cannot_be_drawn_is_told_and_tried_again(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = Catalogue.open(shop.tables)

    async def ask(maps: Maps) -> None:
        monkeypatch.setattr(module, "places_of", hang)
        with pytest.raises(CollectionError, match=r"could not be drawn \(stalled\)\. Is memory left\? Ask again\.$"):
            await maps.of(catalogue.shown[0])
        monkeypatch.setattr(module, "places_of", nowhere)
        assert (await maps.of(catalogue.shown[0])).method == "nothing"

    with WorkerPool(1, Limits(2.0, memory=0)) as pool:
        awaited(ask(Maps(tmp_path, pool)))
