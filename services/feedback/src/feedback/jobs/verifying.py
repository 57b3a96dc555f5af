"""Verification: customers folded anew from their inputs, and compared with what the topics say, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from common.crypto.keys import get_keys
from common.events import CustomerKey
from common.events.feedback import ContentEvent, StaffTaskEvent, TicketEvent
from common.shops.settings import find_shops
from common.storage.database import Transaction
from common.verification import Customers, Row, Table, Verification, compare
from feedback.earned.store import list_differing
from feedback.orders.store import list_completed_of, list_inputs_of
from feedback.policy import store as policies
from feedback.questions.store import list_questions_of
from feedback.reviews.store import list_reviews_of, review_of
from feedback.rewards import store as rewards
from feedback.schedules import store as schedules
from feedback.surveys.store import list_surveys_of
from feedback.tickets import store as tickets
from feedback.tickets.columns import COLUMNS
from feedback.understanding import store as readings
from feedback.understanding.store_days import differs, list_days
from feedback.verification.differences import History, StoredQuestion, differences
from feedback.verification.expected import MISSING, content, expectations, kept, photo, policy, staff_task

TOPICS = ("feedback", "orders")
MOST_TOLD = 100


async def read_histories(tx: Transaction, keys: Sequence[CustomerKey]) -> list[History]:
    """All that is stored of these customers, in the order of the keys."""
    versions = await policies.get_versions(tx, {shop for shop, _ in keys})
    late = set(await policies.POLICIES.late_shops(tx))
    found = {key: History(key, versions[key[0]], waiting=key[0] in late) for key in sorted(keys)}
    for key, stored in (await get_keys(tx, keys)).items():
        found[key].erased = stored.erased_at is not None
    for given in await list_inputs_of(tx, keys):
        found[given.shop, given.customer].inputs.append(given)
    for order in await list_completed_of(tx, keys):
        found[order.shop, order.customer].orders.append(order)
    for q in await list_questions_of(tx, keys):
        found[q.shop, q.customer].question = StoredQuestion(
            q.order_id, q.completed_at, q.due_at, q.survey_id, q.passed_over
        )
    for survey in await list_surveys_of(tx, keys):
        found[survey.shop, survey.customer].surveys[survey.survey_id] = survey
    for r in await list_reviews_of(tx, keys):
        found[r.shop, r.customer].reviews[r.review_id] = r.submitted_at, review_of(r)
    shops = await find_shops(tx, {shop for shop, _ in keys})
    for key, turn in (await schedules.get_turns(tx, keys)).items():
        found[key].turn, found[key].settings = turn, shops.get(key[0])
    for key, claim in await rewards.list_claims_of(tx, keys):
        found[key].claims.append((claim.type, claim.at, claim.data))
    for r in await readings.list_names_of(tx, keys):
        found[r.shop, r.customer].readings.add((r.source, r.name, r.part))
    for key, entry in await tickets.list_entries_of(tx, keys):
        found[key].entries.append(entry)
    for row in await tickets.get_tickets_of(tx, keys):
        found[row.shop, row.customer].tickets[row.ticket_id] = (
            TicketEvent.model_validate_json(row.body),
            tuple(getattr(row, name) for name in COLUMNS),
        )
    return list(found.values())


def _row(history: History) -> Row:
    return history.customer, list(kept(history))


def _counted(history: History) -> Mapping[str, int]:
    return {
        "versions and refunds": len(history.inputs),
        "surveys": len(history.surveys),
        "reviews": len(history.reviews),
        "tickets": len(history.tickets),
        "claims of rewards": len(history.claims),
    }


CUSTOMERS = Customers(
    "feedback",
    (
        "order_inputs",
        "completed_orders",
        "usage_questions",
        "survey_turns",
        "surveys",
        "survey_answers",
        "reviews",
        "tickets",
        "ticket_entries",
        "reward_claims",
        "readings",
    ),
    read_histories,
    differences,
    _row,
    _counted,
)
VERSIONS = Table(
    "policies",
    "policies",
    "t.shop, t.version, t.valid_from, cast(t.policy as text) as policy",
    ("shop", "version"),
    lambda r: [(("policy", r.shop, str(r.version)), policy(r.valid_from, orjson.loads(r.policy)))],
)


TASKS = Table(
    "staff tasks",
    "staff_tasks",
    "t.shop, t.customer, t.task_id, t.revision, t.type, t.at, cast(t.body as text) as body",
    ("shop", "customer", "task_id", "revision"),
    lambda r: [staff_task(r.shop, r.customer, r.type, r.at, StaffTaskEvent.model_validate_json(r.body))],
)


PHOTOS = Table(
    "photos",
    "photos",
    "t.shop, t.customer, t.photo_id, t.content_type, t.size, t.width, t.height, t.at",
    ("shop", "customer", "photo_id"),
    lambda r: [photo((r.shop, r.customer), r.at, r.photo_id, r.content_type, r.size, r.width, r.height)],
)


CONTENTS = Table(
    "contents",
    "contents",
    "t.shop, t.customer, t.content_id, t.revision, t.type, t.at, cast(t.body as text) as body",
    ("shop", "customer", "content_id", "revision"),
    lambda r: [content(r.shop, r.customer, r.type, r.at, ContentEvent.model_validate_json(r.body))],
)


async def _verify_days(run: Verification) -> None:
    """Days are counted as their readings say; each as of one instant."""
    async with run.database.transaction() as tx:
        days = await list_days(tx)
    for row in days:
        async with run.database.transaction() as tx:
            await tx.stand_still()
            if await differs(tx, row.shop, row.day):
                run.differ(f"shop {row.shop} counted its texts of {row.day.isoformat()} otherwise than they were read")
        run.count("days of texts")


async def _verify_grounds(run: Verification) -> None:
    """Each reward that stands is known by its grounds, and no other is; as of one instant."""
    async with run.database.transaction() as tx:
        await tx.stand_still()
        found = await list_differing(tx, MOST_TOLD)
    for shop, origin in found:
        run.differ(f"shop {shop} knows {origin} by other grounds than it was rewarded for")


async def verify(run: Verification) -> None:
    """Fold every customer anew, and compare orders, surveys, reviews, tasks and policies with what the topics say."""
    await _verify_days(run)
    await _verify_grounds(run)
    await compare(run, TOPICS, expectations, (CUSTOMERS, VERSIONS, TASKS, CONTENTS, PHOTOS), MISSING, inputs=TOPICS)
