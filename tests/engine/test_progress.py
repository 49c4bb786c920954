"""Progress: on a terminal and only for long work."""

import io

import pytest
from rich.console import Console

from unreel.engine import progress
from unreel.engine.progress import ProgressBar, track


def _console(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100)


def _shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("terminal", "patience", "shown"), [(True, 0.0, True), (True, 60.0, False), (False, 0.0, False)]
)
def test_shown_on_a_terminal_when_patience_is_over(
    terminal: bool, patience: float, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", patience)
    console = _console(terminal)
    with ProgressBar("working", 3, console) as bar:
        for number in range(3):
            bar.advance(note=f"loss {number}")
    assert ("working" in _shown(console)) == shown
    assert ("loss 2" in _shown(console)) == shown


def test_track_passes_everything_on() -> None:
    assert list(track("abc", "letters")) == ["a", "b", "c"]
    assert list(track(iter("abc"), "letters", total=3)) == ["a", "b", "c"]
