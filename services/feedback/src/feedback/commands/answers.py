"""Answers to surveys, as customers give them."""

from __future__ import annotations

import contextlib

from common.bus.inbox import claim
from common.crypto.keys import KeyRing
from common.events.feedback import QuestionAnswer
from common.refusals import Conflict
from common.storage.database import Transaction
from feedback.commands.care import open_for_answers
from feedback.commands.sealing import as_readable, assert_not_erased, opened, sealed
from feedback.commands.tickets import do
from feedback.commands.understanding import note_texts
from feedback.forms.built_in import STARS
from feedback.surveys import store as surveys
from feedback.surveys.rules import answered, leave_reasons
from feedback.surveys.state import Survey
from feedback.tickets.refusals import AlreadyRated, TicketNotResolved, UnknownTicket
from feedback.tickets.told import Step


class AlreadyAnswered(Conflict):
    """The survey has other answers; the first ones stand."""

    def __init__(self, survey_id: str) -> None:
        super().__init__("already_answered", f"Survey {survey_id} was answered before: the first answer stands.")


async def accept_answers(tx: Transaction, keys: KeyRing, survey: Survey, answers: tuple[QuestionAnswer, ...]) -> bool:
    """Store and announce the answers to a survey (FBK-007); False when the very same were given before.

    Unhappy ones open a ticket with them (FBK-025); a leave reason is announced by itself (FBK-016).
    Raises AlreadyAnswered where others were given, UnknownCustomer, CustomerErased.
    """
    await tx.lock_customers([(survey.shop, survey.customer)])
    current = await surveys.get_survey(tx, survey.shop, survey.survey_id) or survey  # as it is under the lock
    event = answered(current, answers, tx.clock.now())
    if current.answered_at is not None:
        given = event.with_data(event.data.model_copy(update={"answers": current.answers}))
        if (await opened(tx, keys, given)).data != (await as_readable(tx, keys, event)).data:
            raise AlreadyAnswered(survey.survey_id)
        return False
    await assert_not_erased(tx, keys, event.customer)
    personal = any(answer.text is not None for answer in answers)
    event = await sealed(tx, keys, event, personal=personal)
    await claim(tx, [(event, event.encode())])
    await surveys.save_answers(tx, event)
    await note_texts(tx, [event])
    await tx.announce([event, *leave_reasons(event)])
    await _rate_ticket(tx, keys, current, answers)
    await open_for_answers(tx, keys, current, answers)
    return True


async def _rate_ticket(tx: Transaction, keys: KeyRing, survey: Survey, answers: tuple[QuestionAnswer, ...]) -> None:
    """The stars of a resolution rate its ticket (FBK-036), unless it was rated or opened again meanwhile."""
    stars = next((a.score for a in answers if a.question == STARS and a.score is not None), None)
    if survey.kind != "resolution" or survey.ticket_id is None or stars is None or not 1 <= stars <= 5:
        return
    step = Step(f"survey-{survey.survey_id}", "rate", stars=stars)
    with contextlib.suppress(TicketNotResolved, AlreadyRated, UnknownTicket):
        await do(tx, keys, survey.shop, survey.ticket_id, step, None)
