"""Names that people type: which of them are one name, and which show something."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

from common.values.texts import UNFIT

BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs that show nothing."""
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What turns the direction of writing, also of what stands behind a name."""


def shows(text: str) -> bool:
    """Whether any letter, figure or sign of a text is seen."""
    return any(unicodedata.category(c)[0] in "LNPS" and c not in BLANK for c in text)


def check_seen(text: str) -> str:
    if UNFIT.search(text):
        raise ValueError("must not hold the character U+0000 nor half a surrogate pair")
    if not shows(text):
        raise ValueError("must show something: it has blanks alone, or characters that are not seen")
    return text


def check_line(name: str) -> str:
    if any(unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in _TURNING for c in name):
        raise ValueError("must be one line, without control characters and marks that turn the direction of writing")
    return check_seen(name)


def check_lines(**given: str | None) -> None:
    """Of texts that a request names: each is one line that shows something. Raises ValueError, which says of which."""
    for name, text in given.items():
        if text is not None:
            try:
                check_line(text)
            except ValueError as wrong:
                raise ValueError(f"`{name}` {wrong}") from None


READ = "as customers read it; shows something"
"""Description of each field of these kinds, by which `tests/doors/test_shown_names.py` knows them."""
ShownName = Annotated[str, AfterValidator(check_line), Field(min_length=1, max_length=100, description=READ)]
"""A name as customers read it: one line."""
ShownLine = Annotated[str, AfterValidator(check_line), Field(min_length=1, max_length=500, description=READ)]
"""A title, or what something is called, likewise."""
ShownWords = Annotated[str, AfterValidator(check_seen), Field(min_length=1, max_length=500, description=READ)]
"""Some sentences that customers read, in one line or several."""


def spelled_name(name: str) -> str:
    """The name without what is no difference to who reads it: case, width, how wide a blank is, what does not show."""
    shown = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    return " ".join(shown.casefold().split())


def plain_name(name: str) -> str:
    """The same without any blank: where one name too many that counts as another does no harm."""
    return spelled_name(name).replace(" ", "")
