"""The text of a mail that is HTML alone, without what it quotes."""

from __future__ import annotations

import re
from html.parser import HTMLParser

LARGEST = 200_000
"""Characters that are read: the answer stands on top."""
_UNSEEN = ("style", "script", "title", "template")
"""Of these a reader sees nothing, where they are closed. A `head` needs no end, and hides nothing by itself."""
_LINES = ("br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol", "hr")
_QUOTES = ("gmail_quote", "yahoo_quoted", "divrplyfwdmsg", "appendonsend", "moz-cite-prefix", "qmbox", "isreplycontent")
"""Names by which mail programs mark the mail that was answered: nothing below it is the answer's."""

_SPACE = re.compile(r"\s+")
_TAG = re.compile(r"<[^<>]*>")
_NO_TAG = re.compile(r"<(?=!--|[^<>]*(?:<|\Z))")
"""What begins a tag and does not end it; the library looks for the end of each up to the end of the text."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.quoted = 0
        self.unseen: str | None = None
        self.held: list[str] = []
        self.over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = " ".join(value or "" for name, value in attrs if name in ("class", "id")).lower()
        if any(mark in names for mark in _QUOTES):
            self.over = True
        elif tag == "blockquote":
            self.quoted += 1
        elif tag in _UNSEEN and self.unseen is None:
            self.unseen = tag
        elif tag in _LINES:
            self._say("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == self.unseen:
            self.unseen, self.held = None, []
        elif tag == "blockquote":
            self.quoted = max(0, self.quoted - 1)
        if tag in ("p", "div", "tr", "li", "blockquote"):
            self._say("\n")

    def handle_data(self, data: str) -> None:
        self._say(_SPACE.sub(" ", data))

    def _say(self, text: str) -> None:
        if not self.over and not self.quoted:
            (self.held if self.unseen else self.texts).append(text)

    def all_texts(self) -> str:
        """What was not closed hides nothing: what a customer wrote may stand in it."""
        # The library tells nothing of an unclosed `style` or `script`, and keeps it.
        left = self.rawdata if self.unseen and not self.over and not self.quoted else ""
        return "".join(self.texts) + _TAG.sub("\n", "".join([*self.held, left]))


def text_of(html: str) -> str:
    """What a reader sees, a line for each block. Never raises."""
    reader = _Reader()
    try:
        reader.feed(_NO_TAG.sub("&lt;", _without_comments(html[:LARGEST])))
        reader.close()
    except (AssertionError, ValueError, RecursionError):
        pass  # what was read so far
    lines = (" ".join(line.split()) for line in reader.all_texts().split("\n"))
    return "\n".join(line for line in lines if line)


def _without_comments(html: str) -> str:
    """Without those that are closed, at a cost of its length."""
    kept, at = [], 0
    while (begins := html.find("<!--", at)) >= 0 and (ends := html.find("-->", begins + 4)) >= 0:
        kept.append(html[at:begins])
        at = ends + 3
    return "".join([*kept, html[at:]])
