"""What a server says of itself: once, and on lines that nobody else can write."""

import asyncio
import logging

import pytest

from unreel.web.log import logged

LOG = logging.getLogger("unreel.web.test")


def fail(error: BaseException) -> None:
    """Log a failure, each time from the same line."""
    try:
        raise error
    except type(error):
        LOG.exception("something failed")


def test_the_same_fault_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    with logged():
        for number in range(1000):
            fail(OSError(f"nobody knows {number}"))
            LOG.error("cannot do %s", number)
        fail(ValueError("another kind"))
    said = capsys.readouterr().err
    assert said.count("something failed") == 2
    assert said.count("cannot do 0\n") == said.count("cannot do") == 1
    assert len(said) < 2000


def test_different_faults_have_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    with logged():
        for number in range(3000):
            LOG.error(f"fault {number}")
    assert capsys.readouterr().err.count("\n") == 1000


def test_requests_given_up_at_the_end_are_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with logged():
        fail(asyncio.CancelledError())
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "name", ["a\nunreel: all is well", "a\rb", "\x1b[2J\x07", "\u202egnp.mp4", "\ud800"], ids=ascii
)
def test_names_forge_no_line_and_move_no_cursor(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's, whose report cannot hold half a letter
    with logged():
        LOG.error("%s cannot be read", name)
    said = capsys.readouterr().err.removesuffix("\n")
    assert all(line.isprintable() for line in said.split("\n"))
    assert [line.startswith("unreel: ") for line in said.split("\n")] == [True] + [False] * name.count("\n")
