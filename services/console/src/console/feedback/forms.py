"""The words of a survey's form as fields, in both languages: what is written is what is asked; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from console.texts import N_

LONGEST = 500
LANGUAGES = {"en": N_("in English"), "zh": N_("in Chinese")}


class Words(NamedTuple):
    """Words of a form: `name` of their fields (before the language), what they are, whose they are, the words."""

    name: str
    what: str
    about: str
    words: dict[str, Any]


def words_of(form: Mapping[str, Any]) -> list[Words]:
    """All words of a form, in the order in which a customer reads them."""
    return list(_words(form))


def _words(form: Mapping[str, Any]) -> Iterator[Words]:
    yield Words("title", N_("Title"), "", form["title"])
    for place, question in enumerate(form["questions"]):
        name = f"questions.{place}"
        yield Words(name, N_("Question"), question["question_id"], question["words"])
        for end, what in (("low", N_("Lowest score means")), ("high", N_("Highest score means"))):
            if question.get(end):
                yield Words(f"{name}.{end}", what, question["question_id"], question[end])
        for number, option in enumerate(question.get("options", ())):
            yield Words(f"{name}.options.{number}", N_("Choice"), option["option_id"], option["words"])


def read(form: Mapping[str, Any], written: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The form with the words that were written, and the names of those that stand in neither language or too long."""
    found, wrong = deepcopy(dict(form)), []
    for each in words_of(found):
        for language in LANGUAGES:
            text = written.get(f"{each.name}.{language}", "").strip()
            if len(text) > LONGEST:
                wrong.append(each.name)
            each.words[language] = text or None
        if not any(each.words[language] for language in LANGUAGES):
            wrong.append(each.name)
    return found, sorted(set(wrong))
