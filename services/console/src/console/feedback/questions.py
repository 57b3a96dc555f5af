"""A survey's questions as people write them, and as feedback takes them; put, moved and taken away; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from console.forms.fields import Field, Read, read
from console.texts import N_
from console.web.numbers import whole

KINDS = (
    *("usage", "unboxing", "csat", "nps", "leave_reason"),
    *("latent_need", "poll", "agent_rating", "resolution"),
)
SCALES = {"0-10": (0, 10), "1-5": (1, 5), "1-10": (1, 10), "1-3": (1, 3)}
FORM = (
    Field("form_id", N_("Id"), hint=N_("Small letters, digits and -, such as spring-tasting.")),
    Field("kind", N_("What the survey is about"), "choice", choices=KINDS, words="survey_"),
    Field("title.en", N_("Title in English"), optional=True),
    Field("title.zh", N_("Title in Chinese"), optional=True),
)
QUESTION = (
    Field(
        "question_id", N_("The question's id"), hint=N_("An NPS form needs one that is called recommend, from 0 to 10.")
    ),
    Field("type", N_("How it is answered"), "choice", choices=("score", "choices", "text"), words="answer_"),
    Field("words.en", N_("Question in English"), optional=True, most=500),
    Field("words.zh", N_("Question in Chinese"), optional=True, most=500),
    Field("required", N_("It must be answered"), "flag"),
    Field("scale", N_("Scale, of a score"), "choice", choices=tuple(SCALES), words="scale_", optional=True),
    Field("low", N_("The lowest score means"), hint=N_("English | Chinese; one of them suffices."), optional=True),
    Field("high", N_("The highest score means"), hint=N_("English | Chinese; one of them suffices."), optional=True),
    Field(
        "options",
        N_("Choices, one a line"),
        "long",
        N_("id: English | Chinese, such as  taste: The taste | 味道"),
        optional=True,
        most=20_000,
    ),
    Field("most", N_("Choices that can be made at once"), "whole", least=1, most=50, optional=True),
)


def words(written: Mapping[str, str], name: str) -> dict[str, str | None] | None:
    """The words of both languages; None where both are empty."""
    found = {language: written.get(f"{name}.{language}", "").strip() or None for language in ("en", "zh")}
    return found if any(found.values()) else None


def question(written: Mapping[str, str], zone: Any) -> Read:
    """A question as feedback takes it; `wrong` says what is missing, by field."""
    given, wrong = read(QUESTION, written, zone)
    said = words(written, "words")
    if said is None:
        wrong["words.en"] = N_("Write it in at least one language.")
    found: dict[str, Any] = {"question_id": given.get("question_id"), "type": given.get("type"), "words": said}
    found["required"] = given["required"]
    if found["type"] == "score":
        lowest, highest = SCALES[given.get("scale", "1-5")]
        found |= {"lowest": lowest, "highest": highest}
        found |= {name: _both(given[name]) for name in ("low", "high") if name in given}
    elif found["type"] == "choices":
        options = [_option(line) for line in given.get("options", "").splitlines() if line.strip()]
        if len(options) < 2 or None in options or len({one["option_id"] for one in options if one}) < len(options):
            wrong["options"] = N_("Write at least two choices, one a line, each with an id of its own and a colon.")
        found |= {"options": options, "most": given.get("most", 1)}
    return Read(found, wrong)


def _both(text: str) -> dict[str, str | None]:
    english, *chinese = (part.strip() for part in re.split("[|｜]", text, maxsplit=1))
    return {"en": english or None, "zh": (chinese and chinese[0]) or None}


def _option(line: str) -> dict[str, Any] | None:
    name, *text = re.split("[:：]", line, maxsplit=1)
    both = _both("".join(text))
    if not name.strip() or not any(both.values()):
        return None
    return {"option_id": name.strip(), "words": both}


def changed(questions: Sequence[Mapping[str, Any]], question_id: str, action: str) -> list[Mapping[str, Any]] | None:
    """The questions once one was moved up (`up`) or taken away (`remove`); None where that makes no sense."""
    found = list(questions)
    places = [place for place, one in enumerate(found) if one["question_id"] == question_id]
    if not places or (action == "remove" and len(found) == 1) or (action == "up" and places[0] == 0):
        return None
    if action == "up":
        found.insert(places[0] - 1, found.pop(places[0]))
    else:
        found.pop(places[0])
    return found


def version_read(written: Mapping[str, str]) -> int:
    """The version that the page was made from."""
    return whole(written.get("replaces", "")) or 0
