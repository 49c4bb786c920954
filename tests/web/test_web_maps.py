"""Maps: every video at a place, drawn once for all who ask and kept; a sample where there are many."""

import asyncio
from pathlib import Path

import httpx
import numpy as np
import pytest
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
    assert found["videos"] == len(found["keys"]) == len(found["places"]) == len(found["labels"]) == 20
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


def test_many_videos_are_sampled(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 12)
    monkeypatch.setattr(module, "places_of", nowhere)
    with WorkerPool(1, Limits(60.0, memory=0)) as pool:
        (drawn,) = awaited(_maps(Maps(tmp_path, pool), Catalogue.open(shop.tables), 1))
    assert (len(set(drawn.ids)), len(drawn.places), drawn.videos) == (12, 12, 20)
    assert drawn.ids == sorted(drawn.ids)


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
