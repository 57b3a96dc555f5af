"""The text of a mail that is HTML alone, without what it quotes."""

from __future__ import annotations

import re
from html.parser import HTMLParser

LARGEST = 200_000
"""Characters that are read: the answer stands on top."""
_UNSEEN = ("style", "script", "head", "title", "template")
_LINES = ("br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol", "hr")
_QUOTES = ("gmail_quote", "yahoo_quoted", "divrplyfwdmsg", "appendonsend", "moz-cite-prefix", "qmbox", "isreplycontent")
"""Names by which mail programs mark the mail that was answered: nothing below it is the answer's."""

_SPACE = re.compile(r"\s+")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.hidden: list[str] = []
        self.over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = " ".join(value or "" for name, value in attrs if name in ("class", "id")).lower()
        if any(mark in names for mark in _QUOTES):
            self.over = True
        elif tag == "blockquote" or tag in _UNSEEN:
            self.hidden.append(tag)
        elif tag in _LINES:
            self.texts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.hidden:
            del self.hidden[self.hidden.index(tag) :]
        if tag in ("p", "div", "tr", "li", "blockquote"):
            self.texts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.over and not self.hidden:
            self.texts.append(_SPACE.sub(" ", data))


def text_of(html: str) -> str:
    """What a reader sees, a line for each block. Never raises."""
    reader = _Reader()
    try:
        reader.feed(html[:LARGEST])
        reader.close()
    except (AssertionError, ValueError, RecursionError):
        pass  # what was read so far
    lines = (" ".join(line.split()) for line in "".join(reader.texts).split("\n"))
    return "\n".join(line for line in lines if line)
