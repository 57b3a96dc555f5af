"""Answers to surveys, as customers give them."""

from __future__ import annotations

from common.bus.inbox import claim
from common.crypto.keys import KeyRing
from common.events.feedback import QuestionAnswer
from common.refusals import Conflict
from common.storage.database import Transaction
from feedback.commands.sealing import as_readable, opened, sealed
from feedback.surveys import store as surveys
from feedback.surveys.rules import answered
from feedback.surveys.state import Survey


class AlreadyAnswered(Conflict):
    """The survey has other answers; the first ones stand."""

    def __init__(self, survey_id: str) -> None:
        super().__init__("already_answered", f"Survey {survey_id} was answered before: the first answer stands.")


async def accept_answers(tx: Transaction, keys: KeyRing, survey: Survey, answers: tuple[QuestionAnswer, ...]) -> bool:
    """Store and announce the answers to a survey (FBK-007); False when the very same were given before.

    Raises AlreadyAnswered where others were given, UnknownCustomer.
    """
    await tx.lock_customers([(survey.shop, survey.customer)])
    current = await surveys.get_survey(tx, survey.shop, survey.survey_id) or survey  # as it is under the lock
    event = answered(current, answers, tx.clock.now())
    if current.answered_at is not None:
        given = event.with_data(event.data.model_copy(update={"answers": current.answers}))
        if (await opened(tx, keys, given)).data != (await as_readable(tx, keys, event)).data:
            raise AlreadyAnswered(survey.survey_id)
        return False
    personal = any(answer.text is not None for answer in answers)
    event = await sealed(tx, keys, event, personal=personal)
    await claim(tx, [(event, event.encode())])
    await surveys.save_answers(tx, event)
    await tx.announce([event])
    return True
