"""Kinds of records as data: their fields and what each is for (ANA-049 to 054, XCT-008 to 018, SEC-003)."""

from __future__ import annotations

from typing import NamedTuple

from console.access.stages import STAGES
from console.forms.fields import Field
from console.records.company import INDUSTRIES
from console.texts import N_

EXPENSES = ("training", "campaigns", "gifts", "technology", "other")
RISKS = ("data_security", "competitors", "fatigue", "other")
INDICATORS = ("opted_out", "not_sent", "churn", "refunds", "late_answers")
MOVES = ("discount", "gift", "points", "service", "new_goods", "other")
LEVELS = ("strategy", "tactic", "execution")
REPORTS = ("week", "month", "quarter", "year")
LANGUAGES = ("en", "zh")
SPECIAL_DAYS = ("holiday", "campaign", "platform", "other")
CHANNELS = ("email", "sms", "chat", "phone")
TOUCH_POINTS = (
    ("media", N_("Media")),
    ("front_page", N_("Front page")),
    ("product", N_("Product")),
    ("agent_says", N_("Agent")),
    ("logistics", N_("Logistics")),
    ("parcel", N_("Parcel")),
)
WEEK = (
    ("monday", N_("Monday")),
    ("tuesday", N_("Tuesday")),
    ("wednesday", N_("Wednesday")),
    ("thursday", N_("Thursday")),
    ("friday", N_("Friday")),
    ("saturday", N_("Saturday")),
    ("sunday", N_("Sunday")),
)
_CLOSES = N_("1 to 24; at or before its begin: the next day")
_NOTE = Field("note", N_("Note"), "long", optional=True)
_FROM, _UNTIL = Field("since", N_("From"), "day"), Field("until", N_("Until, that day left out"), "day")


class Kind(NamedTuple):
    """`lead`: what it is for. `names`: what a record may be called; empty: anything. `shown`: columns of the list.

    `amount`: the field that is held against a limit (budget). `owners`: owners alone write it.
    """

    label: str
    add: str
    lead: str
    fields: tuple[Field, ...]
    shown: tuple[str, ...]
    names: tuple[str, ...] = ()
    words: str = ""
    amount: str = ""
    owners: bool = False


KINDS: dict[str, Kind] = {
    "budget": Kind(
        N_("Budget"),
        N_("Add a budget item"),
        N_(
            "What keeping regulars may cost, by item. Above the standard of its kind an item waits for a second person."
        ),
        (
            Field("expense", N_("Kind of expense"), "choice", choices=EXPENSES, words="expense_"),
            Field("planned", N_("Planned"), "money", most=10**13),
            _FROM,
            _UNTIL,
            Field("benefit", N_("What it is to bring"), most=300),
            Field("department", N_("Department"), optional=True, most=100),
        ),
        ("expense", "planned", "since", "until", "department"),
        amount="planned",
    ),
    "spending": Kind(
        N_("Spending"),
        N_("Add a payment"),
        N_("What was paid, each for a budget item. More than the item has left is refused until the item is raised."),
        (
            Field("item", N_("Budget item"), hint=N_("As it is called in the budget."), most=100),
            Field("amount", N_("Amount"), "money", least=1, most=10**13),
            Field("day", N_("Paid on"), "day"),
            Field("campaign", N_("Campaign"), hint=N_("The campaign's id."), most=63, optional=True),
            _NOTE,
        ),
        ("item", "amount", "day", "campaign"),
    ),
    "standard": Kind(
        N_("Standards"),
        N_("Set a standard"),
        N_("Up to which amount an item of each kind needs no second person. Without a standard every item needs one."),
        (Field("limit", N_("Without a second person up to"), "money", most=10**13), _NOTE),
        ("limit", "note"),
        names=EXPENSES,
        words="expense_",
        owners=True,
    ),
    "risk": Kind(
        N_("Risks"),
        N_("Add a risk"),
        N_("What may go wrong, what is done about it, and a figure of the services that shows whether it comes."),
        (
            Field("about", N_("About"), "choice", choices=RISKS, words="risk_"),
            Field("measure", N_("What is done about it"), "long", most=1_000),
            Field("owner", N_("Who looks after it"), most=100),
            Field("indicator", N_("Figure to watch"), "choice", choices=INDICATORS, words="indicator_", optional=True),
            Field("alarm", N_("Too much above"), "percent", optional=True),
        ),
        ("about", "measure", "owner", "indicator", "alarm"),
    ),
    "competitor": Kind(
        N_("Competitors"),
        N_("Note a competitor's move"),
        N_("What others offer to their regulars, beside our own calendar, and what we answer."),
        (
            Field("who", N_("Who"), most=100),
            Field("move", N_("What they do"), "choice", choices=MOVES, words="move_"),
            _FROM,
            _UNTIL,
            Field("answer", N_("What we do about it"), "long", most=1_000, optional=True),
            Field("differs", N_("What sets us apart"), "long", most=1_000, optional=True),
        ),
        ("who", "move", "since", "until", "answer", "differs"),
    ),
    "department": Kind(
        N_("Departments"),
        N_("Add a department"),
        N_("Who works for regulars, and by which figures a department is judged."),
        (
            Field("head", N_("Who leads it"), most=100),
            Field("duties", N_("Its duties"), "long", most=1_000),
            Field(
                "agents", N_("Its agents"), "lines", N_("As tickets name them, one a line."), most=200, optional=True
            ),
            Field("target", N_("Answers in time, at least"), "percent", optional=True),
        ),
        ("head", "duties", "agents", "target"),
    ),
    "lesson": Kind(
        N_("Lessons"),
        N_("Write a lesson"),
        N_("What worked and what did not, for those who come after."),
        (
            Field("day", N_("Day"), "day"),
            Field("happened", N_("What happened"), "long"),
            Field("learnt", N_("What we do from now on"), "long"),
            Field("about", N_("Of which campaign or report"), most=100, optional=True),
        ),
        ("day", "happened", "learnt", "about"),
    ),
    "way": Kind(
        N_("Strategy"),
        N_("Add a step"),
        N_("From strategy to tactics to what is carried out: each names what it serves, its goal and its campaign."),
        (
            Field("level", N_("Level"), "choice", choices=LEVELS, words="level_"),
            Field("serves", N_("Serves"), hint=N_("The step above it, as it is called here."), most=100, optional=True),
            Field("goal", N_("Goal"), hint=N_("The goal's id."), most=63, optional=True),
            Field("campaign", N_("Campaign"), hint=N_("The campaign's id."), most=63, optional=True),
            Field("says", N_("What is to be done"), "long", most=1_000),
        ),
        ("level", "serves", "goal", "campaign", "says"),
    ),
    "segment_plan": Kind(
        N_("Plans by segment"),
        N_("Plan for a segment"),
        N_("What a segment meets at each of the six touch points; what is left empty is as for everybody."),
        (
            Field("segment", N_("Segment"), hint=N_("The segment's id."), most=63),
            *(Field(name, label, "long", most=500, optional=True) for name, label in TOUCH_POINTS),
        ),
        ("segment", *(name for name, _ in TOUCH_POINTS)),
    ),
    "gift": Kind(
        N_("Gifts"),
        N_("Add a gift"),
        N_("What gifts there are, what each costs, and what is known of its quality."),
        (
            Field("stock", N_("In stock"), "whole", most=10**9),
            Field("cost", N_("Cost of one"), "money", most=10**11),
            Field("quality", N_("Quality"), "long", most=500, optional=True),
        ),
        ("stock", "cost", "quality"),
    ),
    "shift": Kind(
        N_("Shifts"),
        N_("Add a shift"),
        N_("Who is on duty at which hours of the week; the page Staffing lays it beside the hours of tickets."),
        (
            Field("agents", N_("Its agents"), "lines", N_("As tickets name them, one a line."), most=200),
            *(Field(name, label, "flag") for name, label in WEEK),
            Field("opens", N_("Begins at the hour"), "whole", N_("0 to 23"), most=23),
            Field(
                "closes",
                N_("Ends at the hour"),
                "whole",
                N_("1 to 24; at or before its begin: the next day"),
                least=1,
                most=24,
            ),
        ),
        ("agents", *(name for name, _ in WEEK), "opens", "closes"),
    ),
    "special_day": Kind(
        N_("Special days"),
        N_("Add a special day"),
        N_("Holidays, campaign days and days of the platform; reports name those of their time."),
        (
            Field("day", N_("Day"), "day"),
            Field("what", N_("What it is"), "choice", choices=SPECIAL_DAYS, words="special_day_"),
            _NOTE,
        ),
        ("day", "what", "note"),
    ),
    "channel_cost": Kind(
        N_("Costs of channels"),
        N_("Set what a message costs"),
        N_("What one message costs by channel; a campaign's form says it where its cost is written."),
        (Field("cost", N_("Cost of one message"), "money", most=1_000_000), _NOTE),
        ("cost", "note"),
        names=CHANNELS,
        words="channel_of_",
    ),
    "company": Kind(
        N_("Company"),
        N_("Say at which stage the company is"),
        N_("The stage decides which pages are in the navigation, the industry against whose ladder the shop is held."),
        (
            Field("stage", N_("Stage"), "choice", choices=STAGES, words="stage_"),
            Field("industry", N_("Industry"), "choice", choices=INDUSTRIES, words="industry_", optional=True),
        ),
        ("stage", "industry"),
        names=("shop",),
        words="company_",
        owners=True,
    ),
    "plan": Kind(
        N_("Plans"),
        N_("Make a plan"),
        N_("A year of six phases: from when on, what it is to reach, on what it looks, what it may cost."),
        (
            Field("starts", N_("First day"), "day"),
            Field("goals", N_("What it is to reach"), "long"),
            Field("focus", N_("On what it looks"), "long", most=1_000),
            Field("budget", N_("What it may cost"), "money", most=10**13, optional=True),
        ),
        ("starts", "goals", "focus", "budget"),
    ),
    "mailing": Kind(
        N_("Mails of reports"),
        N_("Set who gets a report"),
        N_("Who gets a report by mail. Each person writes their own address on their account's page."),
        (
            Field("owner", N_("Owners"), "flag"),
            Field("marketer", N_("Marketers"), "flag"),
            Field("agent", N_("Agents"), "flag"),
            Field("operator", N_("Operators"), "flag"),
            Field("viewer", N_("Viewers"), "flag"),
            Field("language", N_("Language"), "choice", choices=LANGUAGES, words="language_"),
        ),
        ("owner", "marketer", "agent", "operator", "viewer", "language"),
        names=REPORTS,
        words="report_",
        owners=True,
    ),
    "mark": Kind(
        N_("Marks by hand"),
        N_("Mark it by hand"),
        N_("What a service cannot know of the plan is marked by hand, with what was done."),
        (Field("done", N_("It is done"), "flag"), Field("says", N_("What was done"), "long", most=500)),
        ("done", "says"),
    ),
}
"""In the order of their chips."""
HAND = "mark"
"""The kind whose records are written from the plan alone."""
