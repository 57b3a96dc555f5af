"""Names that people type: which of them are one name."""

from __future__ import annotations

import unicodedata


def spelled_name(name: str) -> str:
    """The name without what is no difference to who reads it: case, width, how wide a blank is, what does not show."""
    shown = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    return " ".join(shown.casefold().split())


def plain_name(name: str) -> str:
    """The same without any blank: where one name too many that counts as another does no harm."""
    return spelled_name(name).replace(" ", "")
