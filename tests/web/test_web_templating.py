"""Pages: complete without scripts, everything escaped, nothing from elsewhere."""

import re
from html.parser import HTMLParser
from importlib.resources import files

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_fixtures import NASTY, key

from unreel.web.chips import page_numbers
from unreel.web.templating import assets, link, ruler

PAGES = [
    "/",
    "/?map=0&facet=given:&lasso=0 0,0 9,0 9,9",
    "/upload",
    "/labels",
    "/help",
    "/video/{}",
    "/video/{}?at=0.2&kind=clip",
    "/nothing",
]


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.found if name == tag]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_holds_no_script_no_style_and_no_other_host(client: httpx.Client, path: str) -> None:
    page = Elements(client.get(path.format(key("walk/0.mp4"))).text)
    assert [script["src"] for script in page.all("script")] == ["/static/site.js"]
    assert page.all("style") == []
    for _, attributes in page.found:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        for name in ("src", "href", "action", "formaction"):
            value = attributes.get(name) or "/"
            assert value.startswith(("/", "#", "?")), value
            assert not value.startswith("//")
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", NASTY)
def test_names_are_only_text(client: httpx.Client, name: str) -> None:
    for path in ("/?label=odd", f"/video/{key(name)}", f"/video/{key('walk/0.mp4')}?top=200"):
        page = Elements(client.get(path).text)
        assert name in page.text
        assert {image.get("src") for image in page.all("img")} & {"x"} == set()
        assert all("onerror" not in attributes for _, attributes in page.found)
        assert "49" not in re.findall(r"quoted\" & (\d+)", page.text)


@pytest.mark.usefixtures("no_labels")
@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "'\"&"])
def test_what_is_typed_is_only_text(client: httpx.Client, text: str) -> None:
    label = text.replace("/", "")
    assert client.post("/labels", data={"label": label, "pick": key("walk/0.mp4")}).status_code == 303
    for path in ("/", "/labels"):
        page = Elements(client.get(path, params={"text": text, "where": text} if path == "/" else {}).text)
        assert len(page.all("script")) == 1
        assert all("onerror" not in attributes for _, attributes in page.found)
    shown = Elements(client.get("/", params={"text": "walk/0"}).text)
    assert label in shown.text
    typed = Elements(client.get("/", params={"text": text}).text)
    assert text in [each.get("value") for each in typed.all("input")]


FIELDS = [
    "text",
    "label",
    "where",
    "order",
    "offset",
    "limit",
    "at",
    "seconds",
    "kind",
    "top",
    "encoder",
    "own",
    "once",
    "facet",
    "lasso",
    "size",
    "colour",
    "among",
    "done",
]


@given(
    st.sampled_from(["/", "/?map=0", f"/video/{key('walk/0.mp4')}"]),
    st.dictionaries(st.sampled_from(FIELDS), st.text()),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_address_harms_the_server(client: httpx.Client, path: str, fields: dict[str, str]) -> None:
    answer = client.get(path, params=fields)
    assert answer.status_code in (200, 400, 422)
    assert "<main" in answer.text


@pytest.mark.usefixtures("no_labels")
def test_forms_come_back_to_this_server_only(client: httpx.Client) -> None:
    for back, place in {
        "/video/x?at=1": "/video/x?at=1", "//evil.example": "/labels", "https://evil.example": "/labels",
        "/\\evil.example": "/labels", "/\r\nSet-Cookie: a=b": "/labels", "javascript:alert(1)": "/labels",
    }.items():  # fmt: skip
        answer = client.post("/labels", data={"label": "x", "pick": key("walk/0.mp4"), "back": back})
        location, _, done = re.split(r"([?&]done=)", answer.headers["location"])
        assert location == place
        assert re.fullmatch("[0-9a-f]{16}", done)


def test_what_is_selected_is_shown(client: httpx.Client) -> None:
    hit = f"{key('long.mp4')}@1.000-2.000~0.500000"
    page = Elements(client.post("/selection", data={"pick": [key("walk/0.mp4"), key("walk/1.mp4")], "picks": hit}).text)
    assert [box["value"] for box in page.all("input") if box.get("name") == "pick"] == [
        key("walk/0.mp4"), key("walk/1.mp4"), f"{key('long.mp4')}@1.000-2.000",
    ]  # fmt: skip
    assert "3 items" in page.text


def test_pages_of_the_collection_lead_to_each_other(client: httpx.Client) -> None:
    first = Elements(client.get("/?limit=8&order=longest").text)
    (more,) = [each["href"] for each in first.all("a") if each.get("rel") == "next"]
    assert more == "/?order=longest&limit=8&offset=8"
    second = Elements(client.get(more or "").text)
    (before,) = [each["href"] for each in second.all("a") if each.get("rel") == "prev"]
    assert before == "/?order=longest&limit=8"
    numbered = [each["href"] for each in second.all("a") if (each.get("aria-label") or "").startswith("Page ")]
    assert [httpx.URL(each or "").params.get("offset", "0") for each in numbered] == ["0", "0", "8", "16", "16"]


@given(st.integers(0, 40), st.integers(0, 40))
def test_numbered_pages_are_few_and_lead_to_the_ends(current: int, pages: int) -> None:
    numbers = page_numbers(min(current, max(0, pages - 1)), pages)
    told = [number for number in numbers if number is not None]
    assert len(numbers) <= 9
    assert told == sorted(set(told))
    assert {0, max(0, pages - 1), min(current, max(0, pages - 1))} <= set(told)
    assert all(told[place + 1] - told[place] == 1 or None in numbers for place in range(len(told) - 1))


@given(st.floats(0.05, 1e6))
def test_a_ruler_tells_few_round_times(seconds: float) -> None:
    times = ruler(seconds)
    assert times[0] == 0
    assert times[-1] <= seconds + 0.001
    assert 3 <= len(times) <= 8
    assert {f"{time:e}"[0] for time in times[1:2]} <= set("125")


def test_assets_are_asked_for_once(client: httpx.Client) -> None:
    first = client.get("/static/site.css")
    assert (first.status_code, first.headers["content-type"]) == (200, "text/css; charset=utf-8")
    again = client.get("/static/site.css", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/static/nothing.css").status_code == 404
    assert set(assets()) == {"icon.svg", "map.js", "selection.js", "site.css", "site.js", "timeline.js"}


def test_colours_and_letters_are_the_reports(client: httpx.Client) -> None:
    palette = files("unreel.reporting").joinpath("templates/palette.css").read_text(encoding="utf-8")
    assert "--paper:" in palette
    assert "prefers-color-scheme: dark" in palette
    assert palette in client.get("/static/site.css").text


def test_links_leave_out_what_is_empty() -> None:
    assert link("/", {"text": "a b", "label": ""}, offset=0, where=None) == "/?text=a+b&offset=0"
    assert link("/", {}) == "/"
    assert link("/", {"encoder": [0, 1]}) == "/?encoder=0&encoder=1"
