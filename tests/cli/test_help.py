"""What every verb says of itself, at the width of a usual terminal."""

import re
import sys

import pytest

from unreel import cli
from unreel.text import width_of

KINDS = {
    "evaluate": ["retrieval", "knn", "linear", "compare", "test", "finetune"],
    "bench": ["loading"],
    "figure": ["retrieval", "confusion", "classes", "looks"],
}
PAGES = [[], *([verb, *kind] for verb in cli.VERBS for kind in ([], *([each] for each in KINDS.get(verb, []))))]


def page(words: list[str], width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "argv", ["unreel", *words, "--help"])
    try:
        cli.main()
    except SystemExit as end:
        assert end.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", PAGES, ids=lambda words: " ".join(words) or "unreel")
def test_help_fits_and_breaks_no_word(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow, wide = (page(words, width, capsys, monkeypatch) for width in (80, 1000))
    assert f"usage: unreel {' '.join(words)}".rstrip() in narrow
    assert max(map(width_of, narrow.splitlines())) <= 80
    assert max(map(width_of, wide.splitlines())) > 80
    spoken, whole = (sorted(re.findall(r"[^\s│╭╮╰╯─]+", text)) for text in (narrow, wide))
    assert [word for word in spoken if word.strip("-")] == [word for word in whole if word.strip("-")]
