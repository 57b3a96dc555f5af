"""Verification: every customer folded anew, and compared with what the topics say of them, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from common.time.calendar import add_months
from common.verification import Verification, compare
from common.verification.tables import pages_of
from segmentation.buyer_types.store import get_typing
from segmentation.commands.memberships import day_of
from segmentation.commands.types import list_changed
from segmentation.fold import read_shops
from segmentation.jobs.verifying_customers import CUSTOMERS
from segmentation.jobs.verifying_flows import verify_flows
from segmentation.jobs.verifying_rows import TABLES
from segmentation.jobs.verifying_said import ERASED, MISSING, expectations
from segmentation.people.store import list_merges, list_people
from segmentation.profiles.store import list_off
from segmentation.segments.store_definitions import get_definitions, list_defining
from segmentation.segments.store_dues import get_marks
from segmentation.segments.store_standings import compare as compare_with
from segmentation.segments.store_standings import these
from segmentation.shops.store import list_shops

TOPICS = ("segments", "membership", "orders", "customers", "feedback")


async def verify(run: Verification) -> None:
    """Fold every customer anew; compare facts, members, thresholds, statistics and orders of nobody with the topics.

    A fact must begin with what the fact before it said of the same attribute (`old` equals the previous `new`).
    """
    await verify_statistics(run)
    await compare(run, TOPICS, expectations, (CUSTOMERS, *TABLES), MISSING, inputs=TOPICS, personal=ERASED)
    await verify_people(run)
    await verify_life_states(run)
    await verify_flows(run)
    await verify_segments(run)


async def verify_people(run: Verification) -> None:
    """Who is one person with whom stands flat as the merges say."""
    async with run.database.transaction() as tx:
        await tx.stand_still()
        kept, merged = await list_people(tx), await list_merges(tx)
    for shop, customer, person in sorted(kept ^ merged):
        stands = "and no merge says so" if (shop, customer, person) in kept else "by a merge, and no row keeps it"
        run.differ(f"{shop}/{customer}: is one person with {person}, {stands}")


async def verify_life_states(run: Verification) -> None:
    """Everybody's row says what the address of their newest order that counts tells."""
    async for page in pages_of(run, "customers", "t.shop, t.customer", ("shop", "customer")):
        async with run.database.transaction() as tx:
            await tx.stand_still()
            off = await list_off(tx, [(row.shop, row.customer) for row in page])
        for shop, customer in off:
            run.differ(f"{shop}/{customer}: the life state by their orders' addresses is not that of the newest")


async def verify_statistics(run: Verification) -> None:
    """Statistics are taken as they were announced, since more is known by now; none of a shop's months is missing."""
    async with run.database.transaction() as tx:
        shops = await list_shops(tx)
    for name in shops:
        async with run.database.transaction() as tx:
            statistics = (await read_shops(tx, [name]))[name].statistics
        for a, b in pairwise(each.month for each in statistics):
            if add_months(a, 1) != b:
                run.differ(f"{name}: statistics between {a} and {b} are missing")


async def verify_segments(run: Verification) -> None:
    """Everybody is in the segments whose conditions they meet, but for those who are due to be looked at."""
    async with run.database.transaction() as tx:
        shops = await list_defining(tx)
    async for page in pages_of(run, "customers", "t.shop, t.customer", ("shop", "customer")):
        for shop in sorted({row.shop for row in page} & set(shops)):
            await _verify_stays(run, shop, [row.customer for row in page if row.shop == shop])


async def _verify_stays(run: Verification, shop: str, customers: Sequence[str]) -> None:
    async with run.database.transaction() as tx:
        await tx.stand_still()
        compared = sorted(s for s, each in (await get_definitions(tx, shop)).items() if each.compared is None)
        now, marks = tx.clock.now(), await get_marks(tx, shop, customers)
        day, _ = await day_of(tx, shop, now)
        found = await compare_with(tx, day, compared, these(shop, customers))
        types = await get_typing(tx, shop)
        # While a walk is under way what it has not come to is due work.
        odd_types, _ = await list_changed(tx, shop, customers, now) if types and types.after is None else ([], {})
    for customer in odd_types:
        if customer not in marks or marks[customer][0] > now:
            run.differ(f"{shop}/{customer}: buyer type or taste is not what is known of them")
    for each in found:
        due = each.customer in marks and marks[each.customer][0] <= now
        if each.inside != each.open and not due:
            odd = ", ".join(sorted(each.inside ^ each.open))
            run.differ(f"{shop}/{each.customer}: stays in {odd} are not what the conditions say")
