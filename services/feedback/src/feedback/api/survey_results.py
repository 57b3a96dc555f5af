"""What a form's answers come to within a period: response, CSAT by part, NPS, counts by choice, agents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel

from common.events.feedback import SurveyKind
from common.events.fields import Identifier, Instant, ShopName, Text
from common.http.api import Router, Tx, require
from feedback.api.periods import period_of
from feedback.commands.surveys import UnknownForm
from feedback.forms.built_in import RECOMMEND, STARS
from feedback.forms.state import ChoiceQuestion, Form, ScoreQuestion, Words
from feedback.policy.state import Version
from feedback.policy.store import get_versions
from feedback.results import store
from feedback.results.rules import FEW, LOW_TYPES, nps_of, scores_of
from feedback.results.store import Period

router = Router(prefix="/v1/shops/{shop}/survey-results", tags=["survey results"])
MOST_AGENTS = 1_000
NOTE = f"Fewer than {FEW} answers: by chance alone other customers could have answered quite otherwise."


class ScoresOut(BaseModel):
    """`hundredths`: the mean times 100, rounded half up. `satisfied_per_mille`: those in the scale's upper two fifths
    (4 and 5 of 5, 7 to 10 of 10). Both null without any score."""

    count: int
    by_score: dict[int, int]
    hundredths: int | None
    satisfied_per_mille: int | None


class NpsOut(BaseModel):
    """Promoters (9, 10) less detractors (0 to 6) in per cent, -100 to 100; null without any."""

    promoters: int
    passives: int
    detractors: int
    score: int | None


class ChoiceOut(BaseModel):
    option_id: str
    words: Words | None
    count: int


class QuestionOut(BaseModel):
    """`words` is null of a question that the form has no more. `answers` counts who answered it.

    `scores_without_low_types`: of who is neither of the cautious nor of the greedy buyer type, which give low scores by
    nature (FBK-024).
    """

    question_id: str
    type: Literal["score", "choices", "text"] | None
    words: Words | None
    answers: int
    scores: ScoresOut | None
    scores_without_low_types: ScoresOut | None
    choices: list[ChoiceOut]


class AgentOut(BaseModel):
    agent: str
    scores: ScoresOut


class ResultsOut(BaseModel):
    """`asked` within the period, `responded` of these whenever; all else is of the answers given within it.

    `note` stands where the answers are few. `agents`: of a form with the question `stars`, by person, those rated most
    often; `agents_left_out`: there are more than are shown.
    """

    form_id: str
    kind: SurveyKind
    title: Words
    since: datetime
    until: datetime
    asked: int
    responded: int
    answered: int
    small_sample: bool
    note: str | None
    nps: NpsOut | None
    nps_without_low_types: NpsOut | None
    questions: list[QuestionOut]
    agents: list[AgentOut]
    agents_left_out: bool


@router.get("/{form_id}", dependencies=[require("feedback:read")])
async def get_results(
    shop: ShopName,
    form_id: Identifier,
    tx: Tx,
    since: Annotated[Instant | None, Query(description="absent: 90 days before `until`")] = None,
    until: Annotated[Instant | None, Query(description="absent: now")] = None,
    agent: Annotated[Text | None, Query(description="of surveys about this person alone")] = None,
) -> ResultsOut:
    """Results of all versions of a form (FBK-003, FBK-010, FBK-015); they name nobody."""
    form = _form((await get_versions(tx, [shop]))[shop], form_id)
    begin, to = period_of(since, until, tx.clock.now(), 90)
    period = Period(shop, form_id, begin, to, agent)
    counts = await store.count_surveys(tx, period)
    given = await store.count_given(tx, period, LOW_TYPES)
    scored = [row for row in given if row.score is not None]
    scores = _nested([(row.question, row.score, row.n) for row in scored])
    others = _nested([(row.question, row.score, row.n - row.of_low_types) for row in scored])
    choices = _nested(await store.count_choices(tx, period) if any(row.chosen for row in given) else [])
    answers = Counter[str]()
    for row in given:
        answers[row.question] += row.n
    highest = {q.question_id: q.highest for q in form.questions if isinstance(q, ScoreQuestion)}
    by_agent = _nested(await store.count_by_agent(tx, period, STARS, MOST_AGENTS + 1)) if STARS in highest else {}
    asked = [question.question_id for question in form.questions]
    names = [*asked, *sorted(answers.keys() - set(asked))]
    few = counts.answered < FEW
    return ResultsOut(
        form_id=form_id,
        kind=form.kind,
        title=form.title,
        since=period.since,
        until=to,
        asked=counts.asked,
        responded=counts.responded,
        answered=counts.answered,
        small_sample=few,
        note=NOTE if few else None,
        nps=NpsOut(**asdict(nps_of(scores.get(RECOMMEND, {})))) if form.kind == "nps" else None,
        nps_without_low_types=NpsOut(**asdict(nps_of(others.get(RECOMMEND, {})))) if form.kind == "nps" else None,
        questions=[_question(form, name, answers[name], (scores, others), choices) for name in names],
        agents=[
            AgentOut(agent=name, scores=_scores(found, highest[STARS]))
            for name, found in [*by_agent.items()][:MOST_AGENTS]
        ],
        agents_left_out=len(by_agent) > MOST_AGENTS,
    )


def _form(versions: list[Version], form_id: str) -> Form:
    """As it stands in the newest version that has it: results outlive a form that was withdrawn."""
    for version in reversed(versions):
        form = version.policy.surveys.form(form_id)
        if form is not None:
            return form
    raise UnknownForm(form_id)


def _question(
    form: Form,
    name: str,
    answers: int,
    counted_scores: tuple[dict[str, dict[int, int]], dict[str, dict[int, int]]],
    choices: dict[str, dict[str, int]],
) -> QuestionOut:
    scores, others = counted_scores
    question = next((q for q in form.questions if q.question_id == name), None)
    highest = question.highest if isinstance(question, ScoreQuestion) else max(scores.get(name, {5: 0}))
    is_scored = name in scores or isinstance(question, ScoreQuestion)
    options = {o.option_id: o.words for o in question.options} if isinstance(question, ChoiceQuestion) else {}
    counted = choices.get(name, {})
    return QuestionOut(
        question_id=name,
        type=question.type if question is not None else None,
        words=question.words if question is not None else None,
        answers=answers,
        scores=_scores(scores.get(name, {}), highest) if is_scored else None,
        scores_without_low_types=_scores(others.get(name, {}), highest) if is_scored else None,
        choices=[
            ChoiceOut(option_id=option, words=options.get(option), count=counted.get(option, 0))
            for option in [*options, *sorted(counted.keys() - options.keys())]
        ],
    )


def _scores(found: dict[int, int], highest: int) -> ScoresOut:
    return ScoresOut(by_score=found, **asdict(scores_of(found, highest)))


def _nested(rows: Iterable[Sequence[Any]]) -> dict[str, dict[Any, int]]:
    """Rows of (name, value, count) as counts by value, by name, in their order."""
    found: dict[str, dict[Any, int]] = {}
    for name, value, n in map(tuple, rows):
        if n:
            found.setdefault(name, {})[value] = n
    return found
