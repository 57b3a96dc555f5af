"""What the vendors' products have in common: descriptions are HTML."""

from __future__ import annotations

import re
from html import unescape

_TAG = re.compile(r"<[^<>]{0,2000}>")
MAX_DESCRIPTION = 20_000


def plain(html: str | None) -> str | None:
    """The text of a description, at most as much as a product may have; None: it has none."""
    text = " ".join(unescape(_TAG.sub(" ", (html or "")[: 10 * MAX_DESCRIPTION])).split())
    return text[:MAX_DESCRIPTION] or None
