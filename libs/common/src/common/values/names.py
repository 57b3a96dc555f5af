"""Names that people type: which of them are one name, and which show something."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidatorFunctionWrapHandler, WrapValidator

from common.values.texts import UNFIT

BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs that show nothing."""
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What turns the direction of writing, also of what stands behind a name."""


_UNSEEN = re.compile(r"[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Marks that show nothing by themselves, as those that choose one of a letter's shapes."""


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


_ASKED: ContextVar[bool] = ContextVar("asked", default=False)


@contextmanager
def asked() -> Iterator[None]:
    """What is validated within is what somebody asks for now, and no document that was taken by older rules."""
    token = _ASKED.set(True)
    try:
        yield
    finally:
        _ASKED.reset(token)


def is_asked() -> bool:
    """Whether that is so of what is validated now."""
    return _ASKED.get()


def _validate_asked(given: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    with asked():
        return handler(given)


ASKED = WrapValidator(_validate_asked)
"""Of a request's body that is a stored document as it is; every `common.http.bodies.Body` does the same."""


def _where_asked(check: Callable[[str], str]) -> AfterValidator:
    def checked(text: str) -> str:
        return check(text) if is_asked() else text

    return AfterValidator(checked)


READ = "as customers read it; shows something"
"""Description of each field of these kinds, by which `tests/doors/test_shown_names.py` knows them."""
_SOME = {"minLength": 1}
ShownName = Annotated[str, _where_asked(check_line), Field(max_length=100, description=READ, json_schema_extra=_SOME)]
"""A name as customers read it: one line. This and the next two are held to it where a request asks for them; what was
taken before is read as it is (R10)."""
ShownLine = Annotated[str, _where_asked(check_line), Field(max_length=500, description=READ, json_schema_extra=_SOME)]
"""A title, or what something is called, likewise."""
ShownWords = Annotated[str, _where_asked(check_seen), Field(max_length=500, description=READ, json_schema_extra=_SOME)]
"""Some sentences that customers read, in one line or several."""


def spelled_name(name: str) -> str:
    """The name without what is no difference to who reads it: case, width, how wide a blank is, what does not show."""
    shown = "".join(
        " " if c in BLANK else c
        for c in unicodedata.normalize("NFKC", name)
        if unicodedata.category(c) != "Cf" and not _UNSEEN.fullmatch(c)
    )
    return " ".join(shown.casefold().split())


def plain_name(name: str) -> str:
    """The same without any blank: where one name too many that counts as another does no harm."""
    return spelled_name(name).replace(" ", "")
