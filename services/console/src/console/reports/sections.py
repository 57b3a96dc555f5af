"""A report as titled tables in the reader's language: what page, CSV, PDF and mail show; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from console.reports.figures import FIGURES, PARTS, Figure, change_of, is_worse
from console.texts import N_
from console.texts.key_figures import KINDS, REFERRED
from console.texts.words import WORDS
from console.web import formats

Say = Callable[..., str]
NOTHING = "–"
COUNTED = ("orders", "buyers", "new_buyers", "referred_buyers")
"""Key figures of goals that are whole numbers."""
HOW = KINDS | {"referred-buyers": REFERRED}
"""How each part's figures are counted."""


class Cell(NamedTuple):
    """`raw`: the value for a spreadsheet, without grouping and signs, in `unit`. `mood`: good, bad or nothing."""

    shown: str
    raw: str
    mood: str = ""
    unit: str = ""


class Section(NamedTuple):
    """`numbers`: columns that hold numbers. `note`: how it is counted, or why it is empty.

    `counted`: of key figures their names, and how they are counted; on the page alone.
    """

    name: str
    title: str
    heads: Sequence[str]
    rows: list[list[Cell]]
    numbers: tuple[int, ...] = ()
    note: str = ""
    counted: Sequence[tuple[str, str]] = ()


def text(value: object) -> Cell:
    return Cell(str(value), str(value))


def amount(value: Any, unit: str, currency: str, say: Say, lacks: str = NOTHING) -> Cell:
    """A figure in its unit, `points` between percentages; `lacks` where there is nobody to count from."""
    if value is None:
        return Cell(lacks, "")
    match unit:
        case "money":
            return Cell(formats.money(int(value), currency), formats.major(int(value), currency), unit=currency)
        case "count":
            return Cell(formats.number(int(value)), str(int(value)))
        case "percent":
            return Cell(f"{_minus(value)}\u00a0%", str(value), unit="%")
        case "points":
            return Cell(f"{_minus(value)}\u00a0pp", str(value), unit="pp")
        case "seconds":
            return Cell(say(N_("{n} min"), n=formats.number(int(value) // 60)), str(int(value) // 60), unit="min")
    return Cell(_minus(value), str(value))


def _minus(value: object) -> str:
    return str(value).replace("-", formats.MINUS)


def _changed(figure: Figure, value: Any, was: Any) -> Cell:
    change = change_of(figure, value, was)
    if change is None:
        return Cell(NOTHING, "")
    unit = "pp" if figure.unit == "percent" else "%"
    mood = "" if not change or not figure.better else "bad" if is_worse(figure, change) else "good"
    return Cell(f"{change:+}".replace("-", formats.MINUS) + f"\u00a0{unit}", str(change), mood, unit)


def word(name: str, say: Say) -> str:
    return say(WORDS[name]) if name in WORDS else name


def sections(document: dict[str, Any], say: Say) -> list[Section]:
    """All sections of what is there; a part that is missing has none."""
    currency = document.get("currency", "")
    return [s for s in _all(document, currency, say) if s.rows or s.note]


def _all(d: dict[str, Any], currency: str, say: Say) -> Iterator[Section]:
    if d["figures"]:
        yield _figures(d["figures"], currency, say)
    if d.get("anomalies") is not None:
        yield _anomalies(d["anomalies"], d["weeks"], currency, say)
    if "unusual" in d:
        yield _unusual(d["unusual"], say)
    if d.get("goals"):
        yield _goals(d["goals"], say)
    if d.get("campaigns"):
        yield _campaigns(d["campaigns"], say)
    if "offers" in d or "programme" in d:
        yield _running(d, say)
    yield from _standing(d, currency, say)
    yield from _notes(d.get("notes", {}), say)


def _figures(figures: dict[str, Any], currency: str, say: Say) -> Section:
    rows = [
        [
            text(say(f.label)),
            amount(figures[f.name][0], f.unit, currency, say, say(f.lacks)),
            amount(figures[f.name][1], f.unit, currency, say, say(f.lacks)),
            _changed(f, *figures[f.name]),
        ]
        for f in FIGURES
        if f.name in figures
    ]
    heads = (say(N_("What")), say(N_("In the period")), say(N_("The one before")), say(N_("Change")))
    counted = [
        (", ".join(say(f.label) for f in FIGURES if f.part == part and f.name in figures), say(HOW[part]))
        for part in PARTS
    ]
    return Section("figures", say(N_("Key figures")), heads, rows, (1, 2, 3), "", [each for each in counted if each[0]])


def _anomalies(found: list[dict[str, Any]], weeks: int, currency: str, say: Say) -> Section:
    rows = []
    for each in found:
        unit = "money" if each["kpi"] in ("net", "per_order") else "count"
        mood = "bad" if each["worse"] else "good"
        usual = Decimal(str(each["usual"]))
        rows.append(
            [
                Cell(word(f"kpi_{each['kpi']}", say), word(f"kpi_{each['kpi']}", say), mood),
                amount(each["value"], unit, currency, say),
                amount(formats.whole(usual), unit, currency, say),
                amount(each["change"], "percent", currency, say),
            ]
        )
    heads = (say(N_("What")), say(N_("In the week")), say(N_("Usually")), say(N_("Change")))
    if not weeks:
        note = say(N_("There is no whole week yet to compare with."))
    elif not rows:
        note = say(N_("Nothing differed by 40 % and by more than chance from the mean of up to four weeks before."))
    else:
        note = say(
            N_("What differs by 40 % from the mean of up to four weeks before, and by more than chance."),
        )
    return Section("anomalies", say(N_("Not as usual")), heads, rows, (1, 2, 3), note)


def _unusual(found: list[list[Any]], say: Say) -> Section:
    rows = [
        [text(week), Cell(word(f"kpi_{kpi}", say), kpi, "bad" if worse else "good"), amount(change, "percent", "", say)]
        for week, kpi, change, worse in found
    ]
    heads = (say(N_("Week from")), say(N_("What")), say(N_("Change")))
    note = "" if rows else say(N_("No kept week of the period was unusual."))
    return Section("unusual", say(N_("Weeks that were not as usual")), heads, rows, (2,), note)


def _goals(goals: list[dict[str, Any]], say: Say) -> Section:
    rows = []
    for g in goals:
        unit = "money" if g["kpi"] == "net" else "count" if g["kpi"] in COUNTED else "number"
        outlook = g["forecast"]["outlook"] if g["forecast"] else g["state"]
        rows.append(
            [
                text(g["name"]),
                text(f"{g['since']} – {g['until']}"),
                amount(_plain(g["target"], unit), unit, g["currency"], say),
                amount(_plain(g["value"], unit), unit, g["currency"], say),
                amount(g["progress_percent"], "percent", "", say),
                text(word(f"goal_{outlook}", say)),
            ]
        )
    heads = (
        *(say(N_("Goal")), say(N_("Period")), say(N_("Target")), say(N_("Reached"))),
        *(say(N_("Of the way")), say(N_("Outlook"))),
    )
    return Section("goals", say(N_("Goals")), heads, rows, (2, 3, 4))


def _plain(value: Any, unit: str) -> Any:
    return formats.whole(value) if unit in ("money", "count") and value is not None else value


def _campaigns(campaigns: list[dict[str, Any]], say: Say) -> Section:
    rows = []
    for c in campaigns:
        seen = c["difference"] is not None
        between = f"{100 * c['low']:+.1f} … {100 * c['high']:+.1f} pp" if seen else NOTHING
        rows.append(
            [
                text(c["title"]),
                amount(c["customers"], "count", "", say),
                text(_minus(between)),
                text(NOTHING if c["extra_orders"] is None else _minus(f"{c['extra_orders']:.0f}")),
                amount(c["cost"], "money", c["currency"], say),
                amount(
                    c["cost_per_extra_order"] and formats.whole(c["cost_per_extra_order"]), "money", c["currency"], say
                ),
                text(word(f"effect_{effect_of(c)}", say)),
            ]
        )
    heads = (
        *(say(N_("Campaign")), say(N_("Customers")), say(N_("More who ordered")), say(N_("Extra orders"))),
        *(say(N_("Cost")), say(N_("For each extra order")), say(N_("Effect"))),
    )
    note = say(N_("Against the customers who were held out; the interval holds the truth in 95 of 100 cases."))
    return Section("campaigns", say(N_("Campaigns")), heads, rows, (1, 3, 4, 5), note)


def effect_of(campaign: dict[str, Any]) -> str:
    """Whether the campaign helped, harmed, or cannot be told."""
    if campaign["difference"] is None:
        return "unknown"
    if not campaign["certain"]:
        return "open"
    return "helped" if campaign["low"] > 0 else "harmed"


def _running(d: dict[str, Any], say: Say) -> Section:
    rows = [[text(say(N_("Offer"))), text(name), text(days)] for name, days in d.get("offers", [])]
    rows += [[text(say(N_("Programme"))), text(number), text(day)] for number, day in d.get("programme", [])]
    heads = (say(N_("What")), say(N_("Which")), say(N_("Days, or from when on")))
    note = "" if rows else say(N_("No offer held in it, and the programme stayed as it was."))
    return Section("running", say(N_("What was running then")), heads, rows, (), note)


def _standing(d: dict[str, Any], currency: str, say: Say) -> Iterator[Section]:
    heads: tuple[str, ...]
    rows = [
        [
            text(t["tier"] or say(N_("no members"))),
            amount(t["buyers"], "count", "", say),
            amount(t["net"], "money", currency, say),
            amount(t["percent_of_sales"], "percent", "", say),
        ]
        for t in d.get("tiers", [])
    ]
    heads = (say(N_("Tier")), say(N_("Buyers")), say(N_("Net revenue")), say(N_("Of sales")))
    yield Section("tiers", say(N_("Sales by tier")), heads, rows, (1, 2, 3))
    rows = [
        [
            text(s["step"]),
            *(amount(s[one], "percent", "", say) for one in ("percent", "usual")),
            amount(s["difference"], "points", "", say),
        ]
        for s in d.get("ladder", [])
    ]
    heads = (say(N_("Step")), say(N_("Here")), say(N_("Usual")), say(N_("Difference")))
    yield Section("ladder", say(N_("From each purchase to the next")), heads, rows, (1, 2, 3))
    rows = [
        [
            text(word(f"template_{m['kind']}", say)),
            amount(m["sent"], "count", "", say),
            *(amount(_share(m[one]), "percent", "", say) for one in ("ordered_share", "opted_out_share")),
        ]
        for m in d.get("messages", [])
    ]
    heads = (say(N_("Kind of message")), say(N_("Sent")), say(N_("Ordered within a week")), say(N_("Opted out")))
    note = (
        say(N_("Of as many days before the report was made. Nobody was held out: who gets which differs."))
        if rows
        else ""
    )
    yield Section("messages", say(N_("Messages")), heads, rows, (1, 2, 3), note)
    if "owed" in d:
        o = d["owed"]
        rows = [
            [text(say(N_("Members"))), amount(o["members"], "count", "", say)],
            [text(say(N_("Points owed"))), amount(o["points"], "count", "", say)],
            [text(say(N_("Worth of them"))), amount(o["worth"], "money", currency, say)],
        ]
        heads = (say(N_("What")), say(N_("When the report was made")))
        yield Section("owed", say(N_("What is owed")), heads, rows, (1,))


def _share(value: float | None) -> str | None:
    return None if value is None else f"{100 * value:.1f}"


def _budget(items: list[dict[str, Any]], say: Say) -> Section:
    """Each item in its own currency, which need not be the report's."""
    rows = [
        [
            text(item["name"]),
            text(item["currency"]),
            # Its currency has a column of its own.
            *(
                amount(item[one], "money", item["currency"], say)._replace(unit="")
                for one in ("planned", "spent", "left")
            ),
        ]
        for item in items
    ]
    others = [
        f"{item['name']}: {formats.money(paid, currency)}"
        for item in items
        for currency, paid in item["others"].items()
    ]
    note = ""
    if others:
        note = say(N_("Paid in another currency than the item's, and in no sum here: {paid}."), paid="; ".join(others))
    heads = (say(N_("Budget item")), say(N_("Currency")), say(N_("Planned")), say(N_("Spent")), say(N_("Left")))
    return Section("budget", say(N_("Budget")), heads, rows, (2, 3, 4), note)


def _notes(notes: dict[str, Any], say: Say) -> Iterator[Section]:
    heads: tuple[str, ...]
    yield _budget(notes.get("budget", []), say)
    rows = [
        [text(who), text(word(f"move_{move}", say)), text(answer)] for who, move, answer in notes.get("competitors", [])
    ]
    heads = (say(N_("Who")), say(N_("What they do")), say(N_("What we do about it")))
    yield Section("competitors", say(N_("Competitors")), heads, rows)
    rows = [
        [text(day), text(name), text(word(f"special_day_{what}", say))] for day, name, what in notes.get("days", [])
    ]
    yield Section("days", say(N_("Special days")), (say(N_("Day")), say(N_("Name")), say(N_("What it is"))), rows)
    rows = [[text(name), text(learnt)] for name, learnt in notes.get("lessons", [])]
    yield Section("lessons", say(N_("Lessons")), (say(N_("Name")), say(N_("What we do from now on"))), rows)
