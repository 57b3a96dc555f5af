"""A survey form as data: questions with scores, choices or text, in English and Chinese."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.events.feedback import MOST_ANSWERS, MOST_CHOICES, SurveyKind
from common.events.fields import Identifier
from common.values.names import ShownWords

MOST_CHARACTERS = 2_000
"""Of a text that a customer writes, counted by code point."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Part):
    """What a customer reads; where the reader's language is missing, the other one stands."""

    en: ShownWords | None = None
    zh: ShownWords | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.en is None and self.zh is None:
            raise ValueError("words are needed in `en`, `zh` or both")
        return self

    def of(self, language: str) -> str:
        """In that language, `en` or `zh`."""
        first, second = (self.zh, self.en) if language == "zh" else (self.en, self.zh)
        return first or second or ""


class _Question(_Part):
    question_id: Identifier
    words: Words
    required: bool = False


class ScoreQuestion(_Question):
    """One whole number from `lowest` to `highest`; `low` and `high` say what the ends mean."""

    type: Literal["score"] = "score"
    lowest: Annotated[int, Field(ge=0, le=1, strict=True)] = 1
    highest: Annotated[int, Field(ge=2, le=10, strict=True)] = 5
    low: Words | None = None
    high: Words | None = None


class Option(_Part):
    option_id: Identifier
    words: Words


class ChoiceQuestion(_Question):
    """Some of the options, at most `most` of them."""

    type: Literal["choices"] = "choices"
    options: Annotated[tuple[Option, ...], Field(min_length=2, max_length=MOST_CHOICES)]
    most: Annotated[int, Field(ge=1, le=MOST_CHOICES, strict=True)] = 1

    @model_validator(mode="after")
    def _options_differ(self) -> Self:
        _differ("options", (option.option_id for option in self.options))
        if self.most > len(self.options):
            raise ValueError(f"`most` is {self.most}, and there are {len(self.options)} options")
        return self


class TextQuestion(_Question):
    """A text in the customer's own words."""

    type: Literal["text"] = "text"
    most_characters: Annotated[int, Field(ge=1, le=MOST_CHARACTERS, strict=True)] = MOST_CHARACTERS


Question = Annotated[ScoreQuestion | ChoiceQuestion | TextQuestion, Field(discriminator="type")]


class Form(_Part):
    """The questions of one survey, in the order in which they are put (FBK-003 to FBK-005, FBK-015)."""

    form_id: Identifier
    kind: SurveyKind = Field(description="what the survey is about; nps: its question `recommend` is counted as such")
    title: Words
    questions: Annotated[tuple[Question, ...], Field(min_length=1, max_length=MOST_ANSWERS)]

    @model_validator(mode="after")
    def _questions_differ(self) -> Self:
        _differ("questions", (question.question_id for question in self.questions))
        return self

    @model_validator(mode="after")
    def _counts_as_nps(self) -> Self:
        recommend = next((q for q in self.questions if q.question_id == "recommend"), None)
        asks = isinstance(recommend, ScoreQuestion) and (recommend.lowest, recommend.highest) == (0, 10)
        if self.kind == "nps" and not asks:
            raise ValueError("a form of kind nps needs the score question `recommend` from 0 to 10")
        return self


def _differ(what: str, ids: Iterable[Hashable]) -> None:
    found = list(ids)
    if len(set(found)) != len(found):
        raise ValueError(f"{what}: each has an id of its own")
