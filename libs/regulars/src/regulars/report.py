"""The report of a replay: results of every service, three customers' stories, and checks against the file itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from common.values.currency import in_major
from common.values.paths import part
from regulars import owner_report, people
from regulars.cdnow import History
from regulars.client import Services
from regulars.stack.errors import Refused


async def collect(services: Services, shop: str) -> dict[str, Any]:
    """Ask the services for everything that the report shows."""
    base = f"/v1/shops/{part(shop)}"
    orders = await services.get("orders-ingest", f"{base}/report")
    membership = await services.get("membership", f"{base}/report")
    segments = await services.get("segmentation", f"{base}/report")
    messages = await services.get("messaging", f"{base}/report")
    feedback = await services.get("feedback", f"{base}/report")
    stories = [await _story(services, base, customer) for customer in await _heroes(services, base)]
    return {
        "orders": orders,
        "membership": membership,
        "segments": segments,
        "messages": messages,
        "feedback": feedback,
        "stories": [s for s in stories if s],
        "owner": await owner_report.collect(services, base),
    }


async def _heroes(services: Services, base: str) -> list[str]:
    """Three different customers: a faithful one, one who was once important, one who came a single time."""
    found: list[str] = []
    for kind, value in (("rfm", "important_value"), ("lifecycle", "pre_churn"), ("lifecycle", "dead")):
        page = await services.get("segmentation", f"{base}/segments/{part(kind)}/{part(value)}/customers", limit=50)
        fresh = [c for c in page["customers"] if c not in found]
        if fresh:
            found.append(fresh[len(fresh) // 2])
    return found


async def _story(services: Services, base: str, customer: str) -> dict[str, Any] | None:
    here = part(customer)
    try:
        return {
            "customer": customer,
            "member": await services.get("membership", f"{base}/members/{here}"),
            "path": await services.get("membership", f"{base}/members/{here}/path"),
            "facts": await services.get("segmentation", f"{base}/customers/{here}"),
            "decisions": await services.get("messaging", f"{base}/customers/{here}/decisions", limit=500),
        }
    except Refused:
        return None


def show(result: dict[str, Any], history: History, folder: Path, console: Console) -> int:
    """Print the report; returns 1 when a figure is not what the file or the sink says."""
    checks = _checks(result, history)
    console.rule("[bold]What came of it")
    _table(
        console,
        "The shop",
        [
            ("customers", f"{result['membership']['members']:,}"),
            ("orders", f"{_orders(result):,}"),
            ("revenue", f"{_money(_revenue(result))} USD"),
            (
                "points owed",
                f"{result['membership']['liability']:,} (worth {_money(result['membership']['worth'])} USD)",
            ),
        ],
    )
    _table(console, "Members by tier", [(t["tier"], f"{t['members']:,}") for t in result["membership"]["tiers"]])
    segments = result["segments"]
    _table(console, "Stage", _counts(segments["stage"]))
    _table(console, "Life cycle", _counts(segments["life_cycle"]))
    _table(console, "RFM class", _counts(segments["rfm"]))
    rates = [
        ("of returning customers", _rate(segments["repurchase_of_returning"])),
        ("of members", _rate(segments["repurchase_of_members"])),
        *((f"ladder {step['step']}", _rate(step["rate"])) for step in segments["ladder"]),
    ]
    _table(console, "Repurchase", rates)
    messages = result["messages"]
    rows = [(state, f"{n:,}") for state, n in sorted(messages["messages"].items())]
    rows += _reasons("suppressed", messages["suppressed_by_reason"], people.SUPPRESSED)
    rows += _reasons("decisions to hold", messages["decisions_to_hold_by_reason"], people.HELD)
    rows.append(("the mail sink's own count", f"{_sink(result):,}"))
    _table(console, "Messages", rows)
    for reason, why in people.NOT_HERE.items():
        console.print(f"  {reason} does not occur here: {why}", style="dim")
    console.print(people.INVENTED + "\n", style="dim")
    flows = [(flow, ", ".join(f"{s} {n:,}" for s, n in sorted(of.items()))) for flow, of in messages["by_flow"].items()]
    _table(console, "Messages by flow", sorted(flows))
    for story in result["stories"]:
        _tell(story, console)
    console.rule("[bold]Checked")
    for name, ours, theirs in checks:
        verdict = "[green]equal" if ours == theirs else "[red]DIFFERENT"
        console.print(f"  {name}: {ours:,} / {theirs:,} {verdict}")
    seconds, replay = result["seconds"], result["replay"]
    done = _orders(result) / seconds["replay"]
    events = result["import"]["accepted"] + 3 * result["membership"]["members"]
    _table(
        console,
        "What each process cost and holds",
        [
            (name, f"{usage.cpu_s:6.1f} s CPU  {usage.memory_mb:5.0f} MB")
            for name, usage in sorted(result["usage"].items())
        ],
    )
    waits = sorted(result["replay"]["seconds"].items(), key=lambda each: -float(each[1]))
    batches = [
        (name, f"{c['read']:,} in {c['batches']:,} batches") for name, c in result["counters"].items() if c["batches"]
    ]
    _table(console, "Events read from Kafka", batches)
    _table(console, "Where the time went", [(what, f"{s:.0f} s") for what, s in waits if s >= 1])
    console.rule("[bold]How fast")
    console.print(
        f"  stack ready in {seconds['start']:.1f} s; history in {seconds['replay']:.0f} s: {done:,.0f} orders/s, "
        f"{events / seconds['replay']:,.0f} events/s in; {replay['rounds']} sweep rounds, {replay['passes']} settled "
        f"checks; due work done: {', '.join(f'{k} {v:,}' for k, v in replay['swept'].items())}"
    )
    console.rule("[bold]Where to look next")
    console.print(
        f"  mails as they arrived: {folder}/mails.jsonl\n"
        "  run it twice and compare every table, row by row: .venv/bin/regulars twice\n"
        "  a stack on the wall clock to try things with: make up"
    )
    console.rule("[bold]Eighteen months, for the shop's owner")
    for line in owner_report.lines(result["owner"]):
        console.print(line, style="" if line.startswith(" ") else "bold")
    return 0 if all(ours == theirs for _, ours, theirs in checks) else 1


def _checks(result: dict[str, Any], history: History) -> list[tuple[str, int, int]]:
    sent = result["messages"]["messages"].get("sent", 0)
    return [
        ("customers, ours / the file's", result["membership"]["members"], len(history.first)),
        ("orders, ours / the file's", _orders(result), history.orders),
        ("revenue in cents, ours / the file's", _revenue(result), history.cents),
        ("reasons not to send that were not seen / 0", _unseen(result["messages"]), 0),
        ("mails, messages sent / the sink's own count", sent, _sink(result)),
        *((f"{c.name}, ours / the file's", c.ours, c.theirs) for c in owner_report.checks(result["owner"], history)),
    ]


def _reasons(what: str, counts: dict[str, int], expected: Sequence[str]) -> list[tuple[str, str]]:
    """Every reason that must be seen, also where it was not, and every other one that was."""
    return [(f"  {what}: {r}", f"{counts.get(r, 0):,}") for r in sorted({*counts, *expected})]


def _unseen(messages: dict[str, Any]) -> int:
    held, suppressed = messages["decisions_to_hold_by_reason"], messages["suppressed_by_reason"]
    return sum(not held.get(r) for r in people.HELD) + sum(not suppressed.get(r) for r in people.SUPPRESSED)


def _orders(result: dict[str, Any]) -> int:
    return sum(int(r["orders"]) for r in result["segments"]["revenue"])


def _revenue(result: dict[str, Any]) -> int:
    return sum(int(r["net"]) for r in result["segments"]["revenue"])


def _sink(result: dict[str, Any]) -> int:
    return int(result["sink"]["count"])


def _counts(counts: dict[str, int]) -> list[tuple[str, str]]:
    return [(name, f"{n:,}") for name, n in counts.items()]


def _rate(rate: dict[str, Any]) -> str:
    return f"{rate['percent']} % ({rate['part']:,} of {rate['base']:,})"


def _money(cents: int) -> str:
    return in_major(cents, "USD")


def _table(console: Console, title: str, rows: list[tuple[str, str]]) -> None:
    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2))
    table.add_column(min_width=34)
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print()


def _tell(story: dict[str, Any], console: Console) -> None:
    member, path, facts = story["member"], story["path"], story["facts"]
    console.print(f"[bold]Customer {story['customer']}")
    lifecycle, rfm = facts["life_cycle"], facts["rfm"]
    number = f"{member['orders']} order{'' if member['orders'] == 1 else 's'}"
    said = f"  {number}, the last on {facts['last_order']}; {member['tier']} since {member['since']}, "
    said += f"{member['available']:,} points"
    if member["next_expiry"]:
        said += f", {member['next_expiry']['points']:,} of them until {member['next_expiry']['at'][:10]}"
    if path["next_tier"]:
        short = f"{_money(path['missing_spend'])} USD or {path['missing_orders']} orders"
        said += f"; {short} short of {path['next_tier']}"
    console.print(said)
    if lifecycle:
        console.print(f"  {lifecycle['value']}, because {lifecycle['why']}")
    if rfm:
        console.print(f"  RFM {rfm['cell']} ({rfm['rfm_class']}, {rfm['method']}, confidence {rfm['confidence']})")
    for decision in reversed(story["decisions"][:8]):
        until = f" until {decision['until'][:16]}" if decision["until"] else ""
        console.print(
            f"    {decision['at'][:16]}  {decision['flow']}: {decision['outcome']}, {decision['reason']}{until}",
            style="dim",
        )
    console.print()
