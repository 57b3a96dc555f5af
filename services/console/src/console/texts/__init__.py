"""The texts of pages in English and Chinese; English texts are the keys, and a test compares the catalogue with use."""

from __future__ import annotations

from string import Formatter
from typing import Any, Literal, get_args

from console.texts.chinese import CHINESE

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


def N_(text: str) -> str:
    """Marks a text that is translated where it is shown."""
    return text


class _Counting(Formatter):
    """Fills `{days:day|days}` with the number and the word that goes with it: `1 day`, `2 days`."""

    def format_field(self, value: Any, format_spec: str) -> str:
        one, counted, many = format_spec.partition("|")
        return f"{value} {one if str(value) == '1' else many}" if counted else str(format(value, format_spec))


_COUNTING = _Counting()


def translated(language: Language, text: str, /, **values: object) -> str:
    """The text in the language, with the values in its braces; English says of a count what is counted, one or many.

    The values are as they are to be read: `1,234`, not 1234.
    """
    found = CHINESE.get(text, text) if language == "zh" else text
    return _COUNTING.vformat(found, (), values) if values else found


def chosen(cookie: str | None, accepted: str) -> Language:
    """The language of a request: as chosen, else the first that the browser names and we have, else English."""
    for language in LANGUAGES:
        if cookie == language:
            return language
    for part in accepted.split(","):
        name = part.split(";")[0].strip().lower().partition("-")[0]
        for language in LANGUAGES:
            if name == language:
                return language
    return "en"
