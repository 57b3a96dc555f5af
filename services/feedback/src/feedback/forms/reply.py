"""What a customer wrote back by text message, read as answers to a form: a number first, then words; pure (FBK-001)."""

from __future__ import annotations

import re
import unicodedata

from common.events.feedback import QuestionAnswer
from feedback.forms.rules import AnswerUnfit, check_answers
from feedback.forms.state import ChoiceQuestion, Form, ScoreQuestion, TextQuestion

_OF = r"(?:\s*(?:/\s*(?:5|10)|分|星|points?|stars?))?"
_NUMBER_FIRST = re.compile(rf"([0-9]{{1,2}})(?![0-9]){_OF}[\s,.:;!、。-]*(.*)", re.DOTALL)


def answers_from_reply(form: Form, text: str) -> tuple[QuestionAnswer, ...] | None:
    """The answers; None where the text is none to this form.

    A form that asks one score, or one choice, can be answered so: "5 great tea", "４分", or the number or the words of
    an option. What stands after the number answers the form's first question for a text. Of a form that asks more, the
    page has to be opened.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    found = _NUMBER_FIRST.fullmatch(plain)
    asked = next((question for question in form.questions if question.required), form.questions[0])
    words = found.group(2).strip() if found else ""
    answer = None
    if isinstance(asked, ScoreQuestion) and found:
        answer = QuestionAnswer(question=asked.question_id, score=min(int(found.group(1)), 10))
        if int(found.group(1)) > 10:
            return None
    elif isinstance(asked, ChoiceQuestion):
        chosen = _option(asked, plain, int(found.group(1)) if found and not words else None)
        words = ""
        answer = QuestionAnswer(question=asked.question_id, choices=(chosen,)) if chosen is not None else None
    if answer is None:
        return None
    given = [answer]
    free = next((question for question in form.questions if isinstance(question, TextQuestion)), None)
    if words and free is not None:
        given.append(QuestionAnswer(question=free.question_id, text=words[: free.most_characters]))
    try:
        return check_answers(form, given)
    except AnswerUnfit:
        return None


def _option(asked: ChoiceQuestion, text: str, number: int | None) -> str | None:
    """By its number as it is listed, from 1 on, or by its words in any language of the form."""
    if number is not None:
        return asked.options[number - 1].option_id if 1 <= number <= len(asked.options) else None
    said = text.casefold()
    for option in asked.options:
        names = {option.option_id, option.words.of("en"), option.words.of("zh")}
        if said in {name.casefold() for name in names}:
            return option.option_id
    return None
