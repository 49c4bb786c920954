"""What is found is what the vectors say, computed here by hand; and what the evaluation says."""

import shutil
from pathlib import Path

import httpx
import numpy as np
import pytest
from folders import real_data
from jaxtyping import Float
from web_fixtures import NASTY, Shop, key, serving

from unreel.checkpoint import load_encoder
from unreel.cli.embed import EmbedSettings
from unreel.cli.embed import run as embed
from unreel.evaluation.evaluator import Evaluator
from unreel.search.table import EmbeddingTable
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepared
from unreel.web.security import Rules
from unreel.web.site import SiteOptions, opened


def ids(client: httpx.Client, video: str, **fields: str | float | bool) -> list[list[str]]:
    """What each encoder finds."""
    found = client.get(f"/api/videos/{key(video)}/similar", params={"top": 200, **fields}).json()
    return [[hit["video"]["id"] for hit in answer["hits"]] for answer in found["answers"]]


def ranked(vectors: Float[np.ndarray, "n c"], names: list[str], query: int) -> list[str]:
    """The other names, those with the largest cosine first, written out."""
    cosines = [float(row @ vectors[query] / np.linalg.norm(row) / np.linalg.norm(vectors[query])) for row in vectors]
    return [names[n] for n in sorted(range(len(names)), key=lambda n: -cosines[n]) if n != query]


@pytest.mark.parametrize("number", [0, 1])
def test_videos_are_ranked_by_cosine(client: httpx.Client, shop: Shop, number: int) -> None:
    found = EmbeddingTable.open(shop.tables[number]).vectors("video")
    names = found.table["id"].to_pylist()
    for query in range(5):
        expected = ranked(found.vectors.astype(np.float64), names, query)
        assert ids(client, names[query], encoder=number) == [expected]


def test_the_page_shows_what_the_api_says(client: httpx.Client) -> None:
    (first, second) = ids(client, "walk/1.mp4", top=12)
    page = client.get(f"/video/{key('walk/1.mp4')}?top=12").text
    shown = [part.split('"')[0] for part in page.split('<a class="screen" href="/video/')[1:]]
    assert shown == [key(name) for name in (*first, *second)]


def test_filters_hold_for_what_is_found(client: httpx.Client) -> None:
    (found, _) = ids(client, "walk/1.mp4", label="run")
    assert sorted(found) == [f"run/{number}.mp4" for number in range(4)] + ["run/old.avi"]
    assert ids(client, "walk/1.mp4", where="end > 7", encoder=0) == [["long.mp4"]]
    assert ids(client, "walk/1.mp4", own=True, encoder=0)[0][0] == "walk/1.mp4"


def test_a_piece_finds_where_it_is_from(client: httpx.Client, shop: Shop) -> None:
    clip = EmbeddingTable.open(shop.tables[0]).rows("id = 'long.mp4'", kind="clip")[2]
    piece = f"at={clip.start}&seconds={clip.end - clip.start}&kind=clip&own=true&encoder=0"
    found = client.get(f"/api/videos/{key('long.mp4')}/similar?{piece}").json()
    assert (found["start"], found["end"]) == (clip.start, clip.end)
    hit = found["answers"][0]["hits"][0]
    assert (hit["video"]["id"], hit["kind"]) == ("long.mp4", "clip")
    assert hit["similarity"] == pytest.approx(1, abs=1e-3)
    assert hit["item"].startswith(f"{key('long.mp4')}@")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"at": 99}, "got a piece of 2 s from 99 s on, expected one within the video's 1.20 s."),
        ({"at": 0, "seconds": 0}, "got a piece of 0 s from 0 s on, expected one within the video's 1.20 s."),
        ({"encoder": 9}, "there is no encoder 9, only 0 to 1."),
    ],
)
def test_questions_that_make_no_sense(client: httpx.Client, fields: dict[str, float], reason: str) -> None:
    answer = client.get(f"/api/videos/{key('walk/0.mp4')}/similar", params=fields)
    assert (answer.status_code, answer.json()["detail"]) == (400, reason)


def test_a_video_that_is_gone_is_found_by_its_vector_only(client: httpx.Client) -> None:
    assert ids(client, "lost/removed.mp4", encoder=0)[0]
    found = client.get(f"/api/videos/{key('lost/removed.mp4')}/similar", params={"at": 0.1, "encoder": 0}).json()
    assert found["answers"][0]["hits"] == []
    assert "lost/removed.mp4: removed since it was embedded." in found["answers"][0]["note"]


def test_without_its_weights_an_encoder_knows_whole_videos(shop: Shop, tmp_path: Path) -> None:
    moved = shutil.copytree(shop.run, tmp_path / "moved")
    shop.run.rename(shop.run.with_name("away"))
    try:
        for weights, works in (((), False), ((moved,), True)):
            options = SiteOptions(shop.tables[:1], tmp_path / "labels.csv", weights, cache=shop.cache / "web")
            with opened(options) as site, serving(site, Rules()) as address, httpx.Client(base_url=address) as client:
                assert ids(client, "walk/0.mp4")[0]
                (answer,) = client.get(f"/api/videos/{key('walk/0.mp4')}/similar?at=0.2").json()["answers"]
                assert bool(answer["hits"]) == works
                why = client.get("/api/encoders").json()[0]["queries"]
                assert ("Start the server with --weights RUN." in why) == (not works)
                assert ("--weights RUN" in answer["note"]) == (not works)
                assert ("--weights RUN" in client.get(f"/video/{key('walk/0.mp4')}").text) == (not works)
    finally:
        shop.run.with_name("away").rename(shop.run)


def test_near_duplicates_are_shown_once_where_asked(client: httpx.Client) -> None:
    copied = "odd/caf\\xe9.mp4"  # of walk/0.mp4
    (found,) = ids(client, "walk/2.mp4", encoder=0)
    (once,) = ids(client, "walk/2.mp4", encoder=0, once=True)
    assert {copied, "walk/0.mp4"} <= set(found)
    assert len({copied, "walk/0.mp4"} & set(once)) <= 1
    assert set(once) <= set(found)


def test_odd_names_find_and_are_found(client: httpx.Client) -> None:
    for name in NASTY:
        assert len(ids(client, name, encoder=0)[0]) == 19


@pytest.mark.data
def test_weizmann_in_the_page_is_as_in_the_evaluation(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = real_data("weizmann")
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    embed(EmbedSettings(run=shop.run, folder=folder, out=str(tmp_path / "table.lance"), accelerator="cpu"))
    encoder, evaluator = load_encoder(shop.run), Evaluator()
    manifest = prepared(folder, PrepareOptions(encoder.settings.prepared_side))
    evaluated = evaluator.retrieval(encoder, manifest, evaluator.features(encoder, manifest)).neighbours
    assert len(evaluated) == 90
    with (
        opened(SiteOptions([tmp_path / "table.lance"], cache=tmp_path / "web")) as site,
        serving(site, Rules()) as at,
    ):
        for query in sorted(evaluated)[::18]:
            with httpx.Client(base_url=at) as client:
                (found,) = ids(client, query, top=50)
            assert found == [neighbour.id for neighbour in evaluated[query]]
