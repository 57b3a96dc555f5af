"""A shop says when its customers are asked, without a restart, and without moving what is due already."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest

from feedback.policy.state import NOTICE, Policy

from ..conftest import MARCH, Feedback, completed

POLICY = "/v1/shops/s/policy"


async def save(feedback: Feedback, **policy: Any) -> dict[str, Any]:
    answer = await feedback.client.put(POLICY, json={"policy": policy})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def due(feedback: Feedback) -> dict[str, datetime | None]:
    return dict(await feedback.rows("select customer, due_at from usage_questions"))


async def test_seven_days_hold_until_the_shop_says_otherwise(feedback: Feedback) -> None:
    """FBK-007."""
    found = (await feedback.client.get(POLICY)).json()
    assert found == {
        "version": 0,
        "valid_from": None,
        "policy": Policy().model_dump(mode="json"),
        "coming": [],
    }
    assert (found["policy"]["ask_usage_question"], found["policy"]["usage_question_days"]) == (True, 7)
    saved = await save(feedback, usage_question_days=14)
    assert (saved["version"], datetime.fromisoformat(saved["valid_from"])) == (1, MARCH + NOTICE)
    found = (await feedback.client.get(POLICY)).json()
    assert (found["version"], [v["version"] for v in found["coming"]]) == (0, [1])
    feedback.clock.set(MARCH + NOTICE)
    found = (await feedback.client.get(POLICY)).json()
    assert (found["version"], found["policy"]["usage_question_days"], found["coming"]) == (1, 14, [])
    other = (await feedback.client.get("/v1/shops/another/policy")).json()
    assert other["version"] == 0, "each shop for itself"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_the_version_that_was_valid_when_the_order_was_completed_counts(
    feedback: Feedback, order: tuple[int, ...]
) -> None:
    """In whatever order they come: who ordered before is asked as was said then."""
    await save(feedback, usage_question_days=14)
    feedback.clock.set(MARCH + timedelta(days=1))
    await save(feedback, ask_usage_question=False)
    events = [completed("o1", customer="before"), completed("o2", 0.5, "then"), completed("o3", 2, "after")]
    for n in order:
        await feedback.handle(events[n])
    half = timedelta(hours=12)
    assert await due(feedback) == {
        "before": MARCH + timedelta(days=7),
        "then": MARCH + half + timedelta(days=14),
        "after": None,
    }
    feedback.clock.set(MARCH + timedelta(days=30))
    assert await feedback.sweep() == 2
    assert await feedback.verify() == []


async def test_an_earlier_order_from_when_customers_were_asked_is_asked_about(feedback: Feedback) -> None:
    """The first order counts, though the one that came before it was of a time in which nobody was asked."""
    await save(feedback, ask_usage_question=False)
    await feedback.handle(completed("o2", days=2))
    assert await due(feedback) == {"ann": None}
    await feedback.handle(completed("o1"))
    assert await due(feedback) == {"ann": MARCH + timedelta(days=7)}


@pytest.mark.parametrize(
    "policy",
    [{"usage_question_days": 0}, {"usage_question_days": 366}, {"usage_question_days": "7"}, {"days": 7}],
)
async def test_what_makes_no_sense_is_not_saved(feedback: Feedback, policy: dict[str, Any]) -> None:
    answer = await feedback.client.put(POLICY, json={"policy": policy})
    assert answer.status_code == 422
    assert next(iter(policy)) in answer.json()["detail"]
    assert (await feedback.client.get(POLICY)).json()["coming"] == []


async def test_two_people_do_not_overwrite_each_other(feedback: Feedback) -> None:
    body = {"policy": {"usage_question_days": 3}, "replaces": 0}
    assert (await feedback.client.put(POLICY, json=body)).status_code == 200
    late = await feedback.client.put(POLICY, json=body)
    assert (late.status_code, late.json()["type"], late.json()["version"]) == (409, "/problems/policy_changed", 1)


async def test_nobody_changes_it_without_the_scope(feedback: Feedback) -> None:
    del feedback.client.headers["authorization"]
    assert (await feedback.client.put(POLICY, json={"policy": {}})).status_code == 401
    assert (await feedback.client.get(POLICY)).status_code == 401
