"""feedback: wiring only."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path

from common.process.runtime import Copied, Runtime, Service
from common.process.settings import load_settings
from common.service.commands import main
from common.storage.database import Transaction
from common.work.sweeps import Job, WorkList
from feedback.api import (
    answer_page,
    card_page,
    messages,
    photos,
    policy,
    reviews,
    rewards,
    staff_tasks,
    survey_forms,
    survey_results,
    surveys,
    ticket_photos,
    ticket_report,
    tickets,
    ugc,
    understanding,
    word_of_mouth,
)
from feedback.handlers import subscriptions
from feedback.jobs.asking import take_due_questions, usage_questions
from feedback.jobs.moving import move_questions, take_late_policy
from feedback.jobs.overdue import note_overdue
from feedback.jobs.reading import MOST, read_texts
from feedback.jobs.removing import removing
from feedback.jobs.scheduled import scheduled_surveys, take_due_turns
from feedback.jobs.verifying import verify
from feedback.jobs.watching import watch_disputes
from feedback.photos.keeping.protocol import Keeper
from feedback.photos.keeping.settings import PhotoSettings
from feedback.policy.store import POLICIES
from feedback.questions.store import count_due_questions
from feedback.schedules import store as schedules
from feedback.surveys.links import AnswerLinks
from feedback.tickets import store_due
from feedback.understanding import store as readings
from feedback.understanding.state import READING_JOB
from feedback.understanding.store_days import count_countable, count_marked


@cache
def keeper() -> Keeper | None:
    """Where photos are kept, by the environment as it was at first need; None: no photo is taken."""
    return load_settings(PhotoSettings).opened()


def jobs(runtime: Runtime) -> tuple[Job | WorkList, ...]:
    """The sweep that asks signs its links with the installation's key."""
    links = AnswerLinks(runtime.master, runtime.settings.public_url)
    return (
        WorkList("late_versions", take_late_policy, move_questions, rebuilds=True),
        WorkList("usage_questions", take_due_questions, usage_questions(links)),
        WorkList(schedules.JOB, take_due_turns, scheduled_surveys(links)),
        WorkList(store_due.JOB, store_due.lock_due, note_overdue(runtime.keys)),
        WorkList(READING_JOB, readings.lock_due, read_texts(runtime.keys), most=MOST),
        Job("days_of_texts", count_marked),
    )


async def due(tx: Transaction, now: datetime) -> int:
    """Questions to ask, customers to look at, dues of tickets, texts to read, days to count, versions to work in."""
    found = await count_due_questions(tx, now) + await schedules.count_due(tx, now) + await store_due.count_due(tx, now)
    return found + await readings.count_due(tx) + await count_countable(tx) + len(await POLICIES.late_shops(tx))


SERVICE = Service(
    name="feedback",
    migrations=Path(__file__).parents[2] / "migrations",
    subscriptions=subscriptions,
    routers=(
        reviews.router,
        surveys.router,
        survey_forms.router,
        survey_results.router,
        tickets.router,
        ticket_photos.router,
        messages.router,
        ticket_report.router,
        ugc.router,
        photos.routes(keeper),
        rewards.router,
        staff_tasks.router,
        understanding.router,
        word_of_mouth.router,
        policy.router,
        answer_page.router,
        card_page.routes(keeper),
    ),
    settings=(PhotoSettings,),
    jobs=jobs,
    background={"sweeps": (removing(keeper), watch_disputes)},
    due=due,
    copied=tuple(Copied(table) for table in ("sentiment_models", "claim_photos", "claim_prints", "removed_photos")),
    verify=verify,
)

if __name__ == "__main__":
    main(SERVICE)
