"""A flow as a picture: SVG without scripts, laid out in layers from its trigger to its end."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from messaging.flows.document import (
    END,
    AnyStep,
    BranchStep,
    Check,
    CouponStep,
    CycleStep,
    Dated,
    DatesTrigger,
    EventTrigger,
    FlowDocument,
    HolidayTrigger,
    MemberDayTrigger,
    MessageStep,
    PersonalDateTrigger,
    TaskStep,
    UntilStep,
)

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 230, 46, 40, 56, 20
_FILL = {
    "trigger": "#e8f0fe",
    "message": "#e6f4ea",
    "branch": "#fef7e0",
    "wait": "#f1f3f4",
    "task": "#f3e8fd",
    END: "#fce8e6",
}


class _Box(NamedTuple):
    name: str
    kind: str
    says: str
    layer: int
    place: int

    @property
    def x(self) -> int:
        return MARGIN + self.place * (WIDTH + GAP_X)

    @property
    def y(self) -> int:
        return MARGIN + self.layer * (HEIGHT + GAP_Y)


def svg(document: FlowDocument) -> str:
    """The picture; its title is the flow's."""
    boxes = {box.name: box for box in _boxes(document)}
    lines = [_arrow(boxes["trigger"], boxes[document.steps[0].id], _tests(document.only_if))]
    for step in document.steps:
        for kind, to, tests in document.ways(step):
            says = _tests(tests) or ("else" if kind == "else" else "")
            lines.append(_arrow(boxes[step.id], boxes[to], says))
    width = max(b.x for b in boxes.values()) + WIDTH + MARGIN
    height = max(b.y for b in boxes.values()) + HEIGHT + MARGIN
    drawn = "".join([*lines, *(_drawn(box) for box in boxes.values())])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="12"><title>{escape(document.title)}</title>'
        '<defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="#5f6368"/></marker></defs>{drawn}</svg>'
    )


def _boxes(document: FlowDocument) -> list[_Box]:
    layers = _layers(document)
    goals = f" (goal: {_tests(document.goals)})" if document.goals else ""
    found = [_Box("trigger", "trigger", _trigger(document), 0, 0)]
    taken: dict[int, int] = {}
    for step in document.steps:
        layer = layers[step.id]
        place = taken.get(layer, 0)
        taken[layer] = place + 1
        found.append(_Box(step.id, _kind(step), _says(step), layer, place))
    return [*found, _Box(END, END, f"end{goals}", max(layers.values()) + 1, 0)]


def _layers(document: FlowDocument) -> dict[str, int]:
    """The longest way to each step, so that every arrow leads down; a document has no circles."""
    layers = {step.id: 1 for step in document.steps}
    for _ in document.steps:
        for step in document.steps:
            for _, to, _ in document.ways(step):
                if to != END:
                    layers[to] = max(layers[to], layers[step.id] + 1)
    return layers


def _kind(step: AnyStep) -> str:
    return step.do if step.do in _FILL else "wait"


def _says(step: AnyStep) -> str:
    match step:
        case MessageStep():
            return f"send {step.template}" + (f" by {', '.join(step.channels)}" if step.channels else "")
        case BranchStep():
            return f"{step.id}?"
        case CycleStep():
            return f"until {step.lead_days} d before the own cycle ends"
        case CouponStep():
            return f"a coupon of {step.offer}"
        case TaskStep():
            return f"task: {step.title}"
        case UntilStep():
            return f"wait for it, {step.days} d at most"
    time_of_day = f" until {step.at:%H:%M}" if step.at else ""
    hours = f" {step.hours} h" if step.hours else ""
    return f"wait {step.days} d{hours}{time_of_day}"


def _trigger(document: FlowDocument) -> str:
    trigger = document.trigger
    if isinstance(trigger, EventTrigger):
        return f"{trigger.event} {_tests(trigger.where)}".strip()
    days = f" {trigger.days:+d} d" if isinstance(trigger, Dated) and trigger.days else ""
    what: str = "new arrival"
    if isinstance(trigger, PersonalDateTrigger):
        what = trigger.date
    elif isinstance(trigger, HolidayTrigger):
        what = trigger.holiday
    elif isinstance(trigger, MemberDayTrigger):
        what = f"day {trigger.day} of the month"
    elif isinstance(trigger, DatesTrigger):
        what = ", ".join(trigger.dates)
    return f"{what}{days} {trigger.at:%H:%M}"


def _tests(tests: Sequence[Check]) -> str:
    return " and ".join(_test(test) for test in tests)


def _test(test: Check) -> str:
    if test.is_ is not None:
        return f"{test.what} = {test.is_}"
    if test.in_ is not None:
        return f"{test.what} in {', '.join(map(str, test.in_))}"
    if test.known is not None:
        return f"{test.what} {'known' if test.known else 'unknown'}"
    return f"{test.what} ≥ {test.at_least}" if test.at_least is not None else f"{test.what} ≤ {test.at_most}"


def _drawn(box: _Box) -> str:
    says = box.says if len(box.says) <= 36 else f"{box.says[:35]}…"
    return (
        f'<g><title>{escape(box.says)}</title><rect x="{box.x}" y="{box.y}" width="{WIDTH}" height="{HEIGHT}" rx="6" '
        f'fill="{_FILL[box.kind]}" stroke="#5f6368"/><text x="{box.x + WIDTH // 2}" y="{box.y + HEIGHT // 2 + 4}" '
        f'text-anchor="middle">{escape(says)}</text></g>'
    )


def _arrow(a: _Box, b: _Box, says: str) -> str:
    x1, y1, x2, y2 = a.x + WIDTH // 2, a.y + HEIGHT, b.x + WIDTH // 2, b.y
    short = says if len(says) <= 34 else f"{says[:33]}…"
    label = f'<text x="{(x1 + x2) // 2 + 6}" y="{y1 + 22}" fill="#3c4043">{escape(short)}</text>' if says else ""
    return f'<path d="M{x1} {y1}L{x2} {y2}" stroke="#5f6368" fill="none" marker-end="url(#to)"/>{label}'
