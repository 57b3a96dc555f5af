"""Verification: the counts of where customers went by month are those that their sales come to."""

from __future__ import annotations

from collections import Counter

from common.verification import Verification
from segmentation.fold import read_shops
from segmentation.monthly_flows import rules, store
from segmentation.monthly_flows.rules import Flow

PAGE = 2_000


async def verify_flows(run: Verification) -> None:
    """Count every customer anew, in one snapshot; of a shop that is being counted what is missing is due work."""
    async with run.database.transaction() as tx:
        await tx.stand_still()
        for shop, walk in (await store.get_walks(tx)).items():
            if walk.counted is None or walk.upto is not None:
                continue
            at, after = rules.borders((await read_shops(tx, [shop]))[shop], walk.since, walk.counted), ""
            expected: Counter[Flow] = Counter()
            while True:
                portion, last = await store.list_portion(tx, shop, after, PAGE)
                for sold in portion:
                    expected.update(rules.flows_of(sold, at))
                if last is None:
                    break
                after = last
            kept = await store.get_flows(tx, shop, walk.since)
            for flow in sorted(expected.keys() | kept.keys(), key=str):
                if expected[flow] != kept.get(flow, 0):
                    run.differ(
                        f"{shop}: {kept.get(flow, 0)} customers went from {flow.old} to {flow.new} in "
                        f"{flow.month:%Y-%m} ({flow.kind}), and by their orders {expected[flow]} did"
                    )
