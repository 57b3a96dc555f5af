"""The texts of pages in English and Chinese; English texts are the keys, and a test compares the catalogue with use."""

from __future__ import annotations

from typing import Literal, get_args

from console.texts.chinese import CHINESE

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


def N_(text: str) -> str:
    """Marks a text that is translated where it is shown."""
    return text


def translated(language: Language, text: str, /, **values: object) -> str:
    """The text in the language, with the values in its braces."""
    found = CHINESE.get(text, text) if language == "zh" else text
    return found.format(**values) if values else found


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
