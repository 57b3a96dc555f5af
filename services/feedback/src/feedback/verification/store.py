"""All that is stored of some customers, to be folded anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.bus.dead import MENDED
from common.crypto.keys import get_keys
from common.events import CustomerKey, decode
from common.events.feedback import ReviewSubmitted
from common.storage.database import Transaction
from feedback.orders.rules import CompletedOrder
from feedback.orders.store import input_of
from feedback.policy.store import POLICIES, get_versions
from feedback.surveys.rules import Survey
from feedback.verification.differences import History, StoredQuestion


async def get_histories(tx: Transaction, keys: Sequence[CustomerKey]) -> list[History]:
    """The customers' histories, without what was announced of them, in the order of the keys."""
    versions = await get_versions(tx, {shop for shop, _ in keys})
    late = set(await POLICIES.late_shops(tx))
    found = {key: History(key, versions[key[0]], waiting=key[0] in late) for key in sorted(keys)}
    for key, stored in (await get_keys(tx, keys)).items():
        found[key].erased = stored.erased_at is not None
    # The inputs: all that was told of orders.
    wanted = "order_id, cause, at, rank, correlation_id, refund, body"
    for r in await _rows(tx, "order_inputs", wanted, keys):
        found[(r.shop, r.customer)].inputs.append(input_of(r))
    # What was made of them.
    wanted = "order_id, completed_at, cause, correlation_id, due_at, counts"
    for r in await _rows(tx, "completed_orders", wanted, keys):
        found[(r.shop, r.customer)].orders.append(CompletedOrder(**r._mapping))
    for r in await _rows(tx, "usage_questions", "order_id, completed_at, due_at, survey_id", keys):
        found[(r.shop, r.customer)].question = StoredQuestion(r.order_id, r.completed_at, r.due_at, r.survey_id)
    for r in await _rows(tx, "surveys", "survey_id, kind, order_id, cause_at, answered_at, stars, text", keys):
        found[(r.shop, r.customer)].surveys[r.survey_id] = Survey(**r._mapping)
    for r in await _rows(tx, "reviews", "review_id, order_id, sku, stars, text, source, submitted_at", keys):
        review = {name: value for name, value in r._mapping.items() if name in ReviewSubmitted.model_fields}
        found[(r.shop, r.customer)].reviews[r.review_id] = r.submitted_at, ReviewSubmitted.model_validate(review)
    return list(found.values())


async def add_told(tx: Transaction, histories: Sequence[History]) -> None:
    """Add the facts that were announced of the customers, in the order of their announcement."""
    by_key = {"/".join(h.customer): h for h in histories}
    # By Kafka key; facts that were read back from another installation's topic are not in this outbox, and what was
    # mended there is no fact but an input.
    rows = await tx.fetch(
        "select aggregateid, payload from outbox where aggregatetype = 'feedback' and aggregateid = any(:keys) "
        "and type <> :mended order by seq",
        keys=sorted(by_key),
        mended=MENDED,
    )
    for r in rows:
        event = decode(r.payload)
        if event.subject is not None:  # what concerns the shop has a key that a customer may have for an id
            by_key[r.aggregateid].told.append(event)


async def _rows(tx: Transaction, table: str, wanted: str, keys: Sequence[CustomerKey]) -> Sequence[Row[Any]]:
    listed = ", ".join(f"t.{column}" for column in wanted.split(", "))
    return await tx.fetch(
        f"""
        select t.shop, t.customer, {listed}
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        join {table} t on t.shop = w.shop and t.customer = w.customer
        """,
        shops=[shop for shop, _ in keys],
        customers=[customer for _, customer in keys],
    )
