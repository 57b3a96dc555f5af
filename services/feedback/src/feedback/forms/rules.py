"""Answers checked against the form that they answer, from the page's fields or from a caller's JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from common.events.feedback import QuestionAnswer
from common.refusals import Invalid
from common.values.texts import UNFIT
from feedback.forms.state import ChoiceQuestion, Form, Question, ScoreQuestion, TextQuestion

_NUMBER = re.compile(r"[0-9]{1,2}", re.ASCII)


class AnswerUnfit(Invalid):
    """What the customer sent cannot be taken: answer_missing, answer_invalid, too_many_choices, text_too_long,
    text_invalid, unknown_question. `question_id` names the question concerned, None: the form as a whole."""

    def __init__(self, slug: str, detail: str, question_id: str | None = None) -> None:
        super().__init__(slug, detail, question=question_id)
        self.question_id = question_id


def answers_from_fields(form: Form, fields: Mapping[str, Sequence[str]]) -> tuple[QuestionAnswer, ...]:
    """The answers as the page's form sends them, by the questions' ids; other fields are ignored.

    Raises AnswerUnfit.
    """
    given = [_read(question, fields.get(question.question_id, ())) for question in form.questions]
    return check_answers(form, [answer for answer in given if answer is not None])


def check_answers(form: Form, answers: Sequence[QuestionAnswer]) -> tuple[QuestionAnswer, ...]:
    """The answers in the order of the form, texts trimmed, empty ones left out. Raises AnswerUnfit."""
    by_question = {answer.question: answer for answer in answers}
    known = {question.question_id for question in form.questions}
    if len(by_question) != len(answers):
        raise AnswerUnfit("answer_invalid", "each question is answered once")
    for name in by_question:
        if name not in known:
            raise AnswerUnfit("unknown_question", f"the form has no question {name!r}, only {', '.join(sorted(known))}")
    found = []
    for question in form.questions:
        answer = by_question.get(question.question_id)
        checked = None if answer is None else _checked(question, answer)
        if checked is not None:
            found.append(checked)
        elif question.required:
            raise AnswerUnfit("answer_missing", f"{question.question_id} needs an answer", question.question_id)
    if not found:
        raise AnswerUnfit("answer_missing", "nothing was answered")
    return tuple(found)


def _read(question: Question, values: Sequence[str]) -> QuestionAnswer | None:
    filled = [value for value in values if value.strip()]
    if not filled:
        return None
    name = question.question_id
    match question:
        case ScoreQuestion():
            value = filled[0].strip()
            if len(filled) > 1 or _NUMBER.fullmatch(value) is None or int(value) > 10:
                raise _not_a_score(question)
            return QuestionAnswer(question=name, score=int(value))
        case ChoiceQuestion():
            if any(value not in {option.option_id for option in question.options} for value in filled):
                raise AnswerUnfit("answer_invalid", f"{name}: choose among the options", name)
            return QuestionAnswer(question=name, choices=tuple(dict.fromkeys(filled)))
        case TextQuestion():
            text = filled[0].strip().replace("\r\n", "\n")
            _check_text(question, text)
            return QuestionAnswer(question=name, text=text)


def _checked(question: Question, answer: QuestionAnswer) -> QuestionAnswer | None:
    """The answer, of the question's own type alone; None where it is empty."""
    name = question.question_id
    told = (answer.score is not None, bool(answer.choices), answer.text is not None)
    place = {"score": 0, "choices": 1, "text": 2}[question.type]
    if any(said for n, said in enumerate(told) if n != place):
        raise AnswerUnfit("answer_invalid", f"{name} is answered by `{question.type}` alone", name)
    if not told[place]:
        return None
    match question:
        case ScoreQuestion():
            if answer.score is None or not question.lowest <= answer.score <= question.highest:
                raise _not_a_score(question)
            return QuestionAnswer(question=name, score=answer.score)
        case ChoiceQuestion():
            return QuestionAnswer(question=name, choices=_options(question, answer.choices))
        case TextQuestion():
            text = (answer.text or "").strip().replace("\r\n", "\n")
            _check_text(question, text)
            return QuestionAnswer(question=name, text=text) if text else None


def _options(question: ChoiceQuestion, chosen: Sequence[str]) -> tuple[str, ...]:
    """What was chosen, once each, in the order of the form."""
    known = [option.option_id for option in question.options]
    if any(choice not in known for choice in chosen):
        raise AnswerUnfit(
            "answer_invalid", f"{question.question_id}: choose among {', '.join(known)}", question.question_id
        )
    found = tuple(option for option in known if option in chosen)
    if len(found) > question.most:
        raise AnswerUnfit(
            "too_many_choices", f"{question.question_id}: at most {question.most} may be chosen", question.question_id
        )
    return found


def _not_a_score(question: ScoreQuestion) -> AnswerUnfit:
    rule = f"a whole number from {question.lowest} to {question.highest}"
    return AnswerUnfit("answer_invalid", f"{question.question_id} is {rule}", question.question_id)


def _check_text(question: TextQuestion, text: str) -> None:
    most = question.most_characters
    if len(text) > most:
        sentence = f"{question.question_id} has {len(text)} characters, {most} are allowed"
        raise AnswerUnfit("text_too_long", sentence, question.question_id)
    if UNFIT.search(text):
        raise AnswerUnfit("text_invalid", "the text contains a character that cannot be stored", question.question_id)
