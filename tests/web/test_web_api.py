"""The JSON API: what it says is what it does, whatever is asked."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import booleans
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from web_fixtures import key

from unreel.web.site import Site


@pytest.fixture(scope="session")
def described(address: str) -> Any:
    """The API as it describes itself."""
    return schemathesis.openapi.from_url(f"{address}/openapi.json")


@pytest.fixture(scope="module", autouse=True)
def left_as_it_was(site: Site) -> Iterator[None]:
    """Labels that fuzzing has given go."""
    yield
    site.labels.path.unlink(missing_ok=True)


def _as_if_there(case: Any) -> None:
    """Ask for a video that there is."""
    if "key" in (case.path_parameters or {}) and "/videos/" in case.operation.path:
        case.path_parameters["key"] = key("walk/0.mp4")
    if isinstance(case.body, dict) and "items" in case.body:
        case.body["items"] = [key("walk/0.mp4"), f"{key('long.mp4')}@0.5-1.25~0.5"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", GenerationMode)
def test_whatever_is_asked_is_answered_as_described(described: Any, mode: GenerationMode) -> None:
    positive = mode is GenerationMode.POSITIVE

    def ask(case: Any, there: bool) -> None:
        if there and positive:
            _as_if_there(case)
        # No schema can say what a condition, an item or a video is: some that it allows are skipped.
        case.validate_response(case.call(timeout=60), excluded_checks=[positive_data_acceptance])

    asked = settings(max_examples=30, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    operations = [result.ok() for result in described.get_all_operations()]
    assert len(operations) == 24
    for each in operations:
        if positive or each.path_parameters or each.query or each.body:
            asked(given(each.as_strategy(generation_mode=mode), booleans())(ask))()


def test_every_answer_is_described(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    assert len(described["paths"]) == 24
    for path, methods in described["paths"].items():
        assert path.startswith("/api/")
        for method in methods.values():
            assert method["summary"]
            assert method["description"]
            assert {"400", "404", "409", "422"} <= set(method["responses"])
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


def test_the_collection_is_told(client: httpx.Client) -> None:
    encoders = client.get("/api/encoders").json()
    assert [(each["name"], each["videos"], each["clips"], each["exact"]) for each in encoders] == [
        ("tiny", 20, 80, True), ("untrained", 20, 80, True),
    ]  # fmt: skip
    assert client.get("/api/labels/collection").json() == [
        {"label": "lost", "videos": 5}, {"label": "odd", "videos": 5}, {"label": "run", "videos": 5},
        {"label": "walk", "videos": 4},
    ]  # fmt: skip
    page = client.get("/api/videos", params={"label": "walk", "offset": 1, "limit": 2}).json()
    assert (page["total"], page["offset"], [each["id"] for each in page["videos"]]) == (
        4,
        1,
        ["walk/1.mp4", "walk/2.mp4"],
    )
    assert page["videos"][0] == client.get(f"/api/videos/{key('walk/1.mp4')}").json()


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/api/videos/0123456789abcdef", 404, "There is no such video in this collection."),
        ("/api/videos/x", 422, "key: String should match pattern '^[0-9a-f]{16}$'"),
        ("/api/videos?limit=x", 422, "limit: Input should be a valid integer, unable to parse string as an integer"),
        ("/api/videos?where=label", 400, "makes no sense at 'label': expected"),
        (f"/api/uploads/{'0' * 32}/similar", 404, "This video is not kept any more: send it again."),
        ("/api/nothing", 404, "Not Found"),
    ],
)
def test_mistakes_are_told(client: httpx.Client, path: str, status: int, detail: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert detail in answer.json()["detail"]
