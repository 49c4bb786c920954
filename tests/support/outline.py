"""Pages read strictly, as a browser would not."""

import json
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "path"}


class Outline(HTMLParser):
    """Reads a page strictly: every element closed in order; keeps attributes and the text by element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)
            self.text.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        assert tag in VOID | {"title"}

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if self._open:
            self.text[self._open[-1]][-1] += data

    def having(self, name: str, value: str) -> list[dict[str, str]]:
        """The attributes of all elements with this class or other attribute."""
        return [each for _, each in self.elements if value in each.get(name, "").split()]

    @property
    def data(self) -> dict[str, list[dict[str, str]]]:
        """What the page tells its script."""
        return json.loads(self.text["script"][0])  # type: ignore[no-any-return]
