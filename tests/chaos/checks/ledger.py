"""The ledger: legs of a cause come out even, and against the balances; none is there twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from chaos.checks import Finding
from chaos.evidence import Evidence


def ledger(found: Evidence) -> Iterator[Finding]:
    causes: Counter[tuple[str, str]] = Counter()
    accounts: dict[str, Counter[str]] = defaultdict(Counter)
    for leg in found.legs:
        causes[leg.customer, leg.cause] += leg.amount
        accounts[leg.customer][leg.account] += leg.amount
    for (customer, cause), amount in causes.items():
        if amount:
            yield Finding("imbalance", f"the legs of {cause} of {customer} come to {amount}")
    for (customer, account, lot, cause), times in Counter(
        (g.customer, g.account, g.lot, g.cause) for g in found.legs
    ).items():
        if times > 1:
            yield Finding("doubled", f"{times} legs of {cause} on {account} {lot} of {customer}")
    for name, state in found.members.items():
        for account in ("pending", "available", "debt", "redeemed", "issued", "reversed", "expired"):
            stored = state.get(account, 0) * (-1 if account == "debt" else 1)
            if accounts[name][account] != stored:
                yield Finding(
                    "imbalance", f"{account} of {name} is {stored}, its legs come to {accounts[name][account]}"
                )
