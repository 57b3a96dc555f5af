"""Comparison of what customers are recognised by with their profiles as they stand."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson

from common.crypto.keys import CustomerKeyRow, KeyRing
from common.crypto.sealing import SealBroken
from common.verification import Verification, pages_of
from orders_ingest.identity.recognition import PURPOSE, Recognised, recognised_in

# Profiles with their customers' keys and signs; a customer has few of these.
PROFILES = partial(
    pages_of,
    table="profiles",
    columns="t.shop, t.customer, t.registered_at, cast(t.body as text) as body,"
    " (select k.key_id from customer_keys k where k.shop = t.shop and k.customer = t.customer) as key_id,"
    " (select k.wrapped from customer_keys k where k.shop = t.shop and k.customer = t.customer) as wrapped,"
    " array(select r.kind || ' ' || encode(r.hash, 'hex') from recognised_by r"
    " where r.shop = t.shop and r.customer = t.customer order by 1) as signs",
    key=("shop", "customer"),
)


async def compare_signs(run: Verification) -> None:
    """Every profile says what its customer is recognised by, and nothing else is kept."""
    ring, kept = KeyRing(run.master), 0
    async for rows in PROFILES(run):
        for row in rows:
            wanted = sorted(f"{sign.kind} {sign.hash.hex()}" for sign in _signs(ring, row))
            if wanted != sorted(row.signs):
                run.differ(f"{row.shop}/{row.customer}: recognised_by keeps something else than the profile says")
            kept += len(row.signs)
    run.count("signs of customers", kept)


def _signs(ring: KeyRing, row: Any) -> list[Recognised]:
    person = (row.shop, row.customer)
    try:
        key = ring.unwrapped(person, CustomerKeyRow(row.key_id, row.wrapped, None))
    except SealBroken:
        return []  # the key itself is compared apart
    if key is None:
        return []
    return recognised_in(ring.derived(PURPOSE), person, row.registered_at, orjson.loads(row.body), key)
