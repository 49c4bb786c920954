"""What is chosen: by name, by conditions, by a list; labelled, and given back exactly as it was."""

import httpx
import pytest
from web_fixtures import Shop, key

from unreel.video.collection.label_tables import read_table
from unreel.web.labels import Act, Acts
from unreel.web.selection import read_items
from unreel.web.site import Site

WALKS = [f"walk/{number}.mp4" for number in range(4)]


def put(client: httpx.Client, label: str, **chosen: object) -> httpx.Response:
    """Label what is chosen through the API."""
    return client.put("/api/labels/items", json={"label": label, **chosen})


def given(site: Site) -> dict[str, str]:
    """Name → label."""
    return {item.video.row.id: label for item, label in site.labels.given()}


def test_all_that_is_found_is_labelled_but_what_is_left_out(no_labels: Site, client: httpx.Client) -> None:
    chosen = {"found": "?text=walk%2F", "without": [key("walk/1.mp4")], "items": [key("run/0.mp4")]}
    assert client.post("/api/labels/chosen", json=chosen).json()["items"] == 4
    assert put(client, "slow", **chosen).status_code == 200
    assert given(no_labels) == dict.fromkeys(["walk/0.mp4", "walk/2.mp4", "walk/3.mp4", "run/0.mp4"], "slow")
    exported = client.post("/api/exports/list", json={"found": "facet=given:slow"}).text
    assert exported.count("\n") == 4
    form = {"found": "?facet=given:slow", "label": "slower"}
    assert client.post("/labels", data=form).status_code == 303
    assert set(given(no_labels).values()) == {"slower"}


def test_who_chooses_nothing_or_nonsense_is_told(no_labels: Site, client: httpx.Client) -> None:
    assert put(client, "x").status_code == 422
    assert put(client, "x", found="facet=nothing:1").status_code == 400
    assert put(client, "x", found="facet=given:&" * 600).status_code == 400
    told = put(client, "x", found="order=random")
    assert (told.status_code, told.json()["detail"][:41]) == (400, "got conditions that make no sense at orde")
    assert client.post("/labels", data={"label": "x", "found": "?text=nothing+is+so"}).status_code == 400
    assert not no_labels.labels.path.exists()


@pytest.mark.usefixtures("no_labels")
def test_all_some_and_none_of_the_chosen_have_a_label(client: httpx.Client) -> None:
    put(client, "slow", items=[key("walk/0.mp4"), key("walk/1.mp4")])
    put(client, "fast", items=[key("run/1.mp4")])
    counted = client.post("/api/labels/chosen", json={"items": [key("walk/0.mp4"), key("walk/2.mp4")]}).json()
    labels = {each["label"]: each["videos"] for each in counted["labels"]}
    assert counted["items"] == 2
    assert labels == {"slow": 1, "fast": 0, "walk": 0, "run": 0, "odd": 0, "lost": 0}


def test_undo_gives_back_what_was_there_and_leaves_what_others_did(no_labels: Site, client: httpx.Client) -> None:
    table = no_labels.labels.path
    table.write_text(f"path,scene,label\n/elsewhere/a.mp4,park,run\n{key('x')},street,\n")
    put(client, "old", items=[key("walk/0.mp4")])
    before = read_table(table)
    act = put(client, "new", found="text=walk/").json()["act"]
    put(client, "theirs", items=[key("walk/1.mp4"), key("run/0.mp4")])
    assert client.post("/api/labels/undo", json={"act": act}).status_code == 200
    after = read_table(table)
    assert given(no_labels) == {"walk/0.mp4": "old", "walk/1.mp4": "theirs", "run/0.mp4": "theirs"}
    assert {path: values for path, values in after.items() if values.get("label") != "theirs"} == before
    assert client.post("/api/labels/undo", json={"act": act}).status_code == 400


def test_a_piece_whose_label_was_taken_away_is_cut_out_again_by_undo(no_labels: Site, client: httpx.Client) -> None:
    piece = f"{key('long.mp4')}@1.000-2.000"
    first = put(client, "middle", items=[piece]).json()["act"]
    (file,) = no_labels.labels.clips.iterdir()
    act = put(client, "", items=[piece]).json()["act"]
    assert not file.exists()
    client.post("/api/labels/undo", json={"act": act})
    assert file.exists()
    assert [label for _, label in no_labels.labels.given()] == ["middle"]
    client.post("/api/labels/undo", json={"act": first})
    assert not file.exists()
    assert no_labels.labels.given() == []


def test_the_page_says_what_was_done_and_undoes_it(no_labels: Site, client: httpx.Client) -> None:
    form = {"found": "?text=walk/", "quick": "slow", "label": "", "back": "/?size=s"}
    there = client.post("/labels", data=form).headers["location"]
    page = client.get(there).text
    assert "4 labelled <b>slow</b>" in page
    act = there.partition("done=")[2]
    back = client.post("/undo", data={"act": act, "back": "/?size=s"}).headers["location"]
    assert back == "/?size=s&undone=4"
    assert "4 as before" in client.get(back).text
    assert no_labels.labels.given() == []
    assert client.post("/undo", data={"act": act}).status_code == 400
    assert "labelled <b>" not in client.get("/?done=nothing").text


def test_the_oldest_acts_make_room_for_the_last(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unreel.web.labels.MOST_UNDONE", 5)
    items = read_items(site.catalogue, list(map(key, WALKS)))
    acts = Acts()
    tokens = [acts.keep(Act(str(count), [(item, "") for item in items[:count]])) for count in (2, 2, 2, 4, 4)]
    assert [acts.get(token) is not None for token in tokens] == [False, False, False, False, True]


def send(client: httpx.Client, content: bytes) -> httpx.Response:
    """Open a list."""
    return client.post("/api/list", files={"file": ("list.csv", content)})


def test_lists_and_tables_are_opened_as_a_selection(client: httpx.Client, shop: Shop) -> None:
    paths = [str(shop.folder / name) for name in WALKS]
    keys = list(map(key, WALKS))
    assert send(client, "\n".join(paths).encode()).json() == {"items": keys, "unknown": 0}
    assert send(client, "\n".join([*WALKS, "other.mp4", WALKS[0]]).encode()).json() == {"items": keys, "unknown": 1}
    assert send(client, f'{paths[0]} slow\n"{paths[1]}",fast\n'.encode()).json()["items"] == [keys[0], keys[1]]
    table = client.post("/api/exports/csv", json={"items": [*keys, f"{key('long.mp4')}@1-2~0.5"]}).content
    assert send(client, table).json() == {"items": [*keys, key("long.mp4")], "unknown": 0}
    semicolons = "label;file\r\nslow;walk/2.mp4\r\n".encode("utf-16")
    assert send(client, semicolons).json() == {"items": [keys[2]], "unknown": 0}


@pytest.mark.parametrize(
    "content", [b"", b"\0\1\2", b"/etc/passwd\n", b"path,label\n", b"x" * 3_000_000, b"x " * 900_000]
)
def test_what_is_no_list_of_this_collection_is_told(client: httpx.Client, content: bytes) -> None:
    answer = send(client, content)
    assert answer.status_code in (400, 413)
    assert "expected" in answer.text or "Open one with" in answer.text
