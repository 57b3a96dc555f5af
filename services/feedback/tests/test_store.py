"""Would `verify` find it if the tables contradicted each other?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from feedback.store import find_contradictions

from .conftest import MARCH, Feedback, completed


async def asked_and_answered(feedback: Feedback) -> None:
    """ann was asked and answered, bob is due."""
    await feedback.handle(completed("o1"), completed("b1", days=30, customer="bob"))
    feedback.clock.set(MARCH + timedelta(days=8))
    await feedback.sweep()
    [question] = await feedback.announced()
    path = question.data.answer_url.removeprefix("https://say.example.test")
    assert (await feedback.client.post(path, data={"stars": "5"})).status_code == 200


async def test_what_the_service_writes_holds_together(feedback: Feedback) -> None:
    await asked_and_answered(feedback)
    async with feedback.database.transaction() as tx:
        assert await find_contradictions(tx) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("update usage_questions set due_at = completed_at + interval '7 days'", "ann of s is due and was asked"),
        ("update usage_questions set due_at = due_at + interval '1 second'", "bob of s is not due seven days"),
        ("delete from surveys", "ann of s was asked a survey that is not stored"),
        ("update usage_questions set survey_id = null", "ann of s was asked, but the question does not know it"),
        ("update surveys set stars = null", "ann of s has an answer without stars"),
    ],
)
async def test_a_planted_contradiction_is_found(feedback: Feedback, planted: str, found: str) -> None:
    await asked_and_answered(feedback)
    async with feedback.database.transaction() as tx:
        assert await tx.execute(planted) > 0
        [line] = await find_contradictions(tx)
    assert found in line
