"""`regulars redo`: what people asked for after the instant of a restore, and must not ask for twice, done again."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, get_args

from cyclopts import Parameter

from common.events.customers import ConsentChanged, CustomerErased, Purpose
from common.events.messages import ContactOptedIn, ContactOptedOut
from common.values.paths import part
from regulars.backups.notes import HELD
from regulars.backups.servers import setting
from regulars.client import Services
from regulars.dead import asked
from regulars.privacy.requests import erase
from regulars.stack.errors import Refused, StackError

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
OptOut = tuple[str, str, str, str]
"""Shop, customer, channel, purpose."""
PURPOSES: tuple[str, ...] = get_args(Purpose)
"""What an opt-out without a purpose is about: all but transactional ones."""
_NAMED = ("ORDERS_INGEST_URL", "MESSAGING_URL", "SERVICES_API_KEY")
"""As the console's settings are called."""
_RUN, _WITHIN_S = Path(".run"), 120.0


def redo(file: Path, /, *, folder: Folder = _RUN) -> None:
    """Erase, and opt out, whoever was erased or opted out between the instant of a restore and the loss.

    `file` is what `regulars restore --at` has written. Messages that were held until now leave afterwards. It may be
    called again. Of the running stack; or, where ORDERS_INGEST_URL, MESSAGING_URL and SERVICES_API_KEY (scopes ops,
    customers:erase, customers:export, customers:read, messages:read and messages:write) are all set, or stand in
    SECRETS_DIR, of those services.
    """
    try:
        # A shop's words may hold U+2028 and others at which text has lines, too.
        events = [json.loads(line) for line in file.read_bytes().splitlines()]
    except (OSError, ValueError) as error:
        raise StackError(f"{file} cannot be read: {error}") from None
    for line in _asked(folder, events):
        print(line, file=sys.stdout, flush=True)


def _asked(folder: Path, events: Sequence[dict[str, Any]]) -> list[str]:
    """Raises StackError where some of the addresses and the key are set, not all."""
    orders, messaging, key = (setting(name) for name in _NAMED)
    if not (orders or messaging or key):
        return asked(folder, lambda services: do_again(services, events))
    if not (orders and messaging and key):
        raise StackError(f"set all of {', '.join(_NAMED)}, or none of them for the stack of a folder")
    addresses = {"orders-ingest": orders, "messaging": messaging}

    async def run() -> list[str]:
        async with Services(addresses, key) as services:
            return await do_again(services, events)

    return asyncio.run(run())


async def do_again(services: Services, events: Sequence[dict[str, Any]]) -> list[str]:
    """Opt-outs first, for these take effect at once, and sending last; gives what was done.

    Raises Refused where a service declines, and StackError where somebody else would be erased with whom was: a merge
    that was undone after the instant stands again. These are left to a person, and nothing is sent before.
    """
    out, erased = opt_outs(events), erasures(events)
    told = 0
    for (shop, customer, channel, purpose), refused_at in out.items():
        path = f"/v1/shops/{part(shop)}/customers/{part(customer)}/permissions"
        standing = [
            datetime.fromisoformat(each["at"])
            for each in await services.get("messaging", path)
            if (each["channel"], each["purpose"], each["state"]) == (channel, purpose, "granted")
        ]
        if standing and max(standing) > refused_at:
            continue  # allowed since the restore
        told += 1
        body = {"customer": customer, "channel": channel, "purpose": purpose, "via": "before a restore"}
        await services.call("messaging", "POST", f"/v1/shops/{part(shop)}/opt-outs", json=body)
    left = []
    for shop, customer in erased:
        if others := await _others(services, shop, customer, erased):
            left.append(f"{shop}/{customer}, who is one person with {', '.join(others)}")
            continue
        # Who came after the instant is not known yet, and does not come back when the shop sends again.
        await erase(services, shop, customer, _WITHIN_S, unknown=True)
    done = f"{told} opt-outs and {len(erased) - len(left)} erasures were done again"
    if left:
        raise StackError(
            f"{done}, and no message leaves yet. Not erased, since others would be with them who did not ask after the"
            f" instant: {'; '.join(left)}. Where they had been parted by then, part them again (POST"
            " /v1/shops/<shop>/customers/<survivor>/unmerge); where they are one, erase them by hand; then call this"
            " again"
        )
    for pause in await services.get("messaging", "/ops/pauses"):
        if pause["reason"] == HELD:
            await services.call("messaging", "DELETE", f"/ops/pauses/{part(pause['channel'])}")
    return [done]


async def _others(services: Services, shop: str, customer: str, erased: Collection[tuple[str, str]]) -> list[str]:
    """Who is one person with the customer now and was not erased, neither after the instant nor since."""
    path = f"/v1/shops/{part(shop)}/customers/{part(customer)}"
    people = (await services.get("orders-ingest", f"{path}/export"))["people"]
    if not (others := [each for each in people if (shop, each) not in erased]):
        return []
    try:
        report = await services.get("orders-ingest", f"{path}/erasure")
    except Refused as refused:
        if refused.status != 404:
            raise
        return others
    return [each for each in others if each not in report["people"]]


def erasures(events: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Shop and customer of each, once."""
    return list(dict.fromkeys((e["shop"], e["subject"]) for e in events if e["type"] == CustomerErased.TYPE))


def opt_outs(events: Sequence[dict[str, Any]]) -> dict[OptOut, datetime]:
    """What was refused and not allowed again, by the newest statement about each channel and purpose; when it was."""
    found: dict[OptOut, tuple[bool, datetime]] = {}
    for event in sorted(events, key=lambda each: datetime.fromisoformat(each["time"])):
        type_, data = event["type"], event["data"]
        if type_ == ContactOptedOut.TYPE:
            refused, purpose = True, data.get("purpose")
        elif type_ in (ContactOptedIn.TYPE, ConsentChanged.TYPE):
            refused, purpose = not data.get("granted", True), data.get("purpose", "marketing")
            if data.get("undated") and not refused:
                continue  # such a yes overrides nobody's refusal
        else:
            continue
        for each in PURPOSES if purpose is None else (purpose,):
            found[(event["shop"], event["subject"], data["channel"], each)] = (
                refused,
                datetime.fromisoformat(event["time"]),
            )
    return {key: at for key, (refused, at) in found.items() if refused}
