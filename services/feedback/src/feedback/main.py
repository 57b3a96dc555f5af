"""feedback: wiring only."""

from __future__ import annotations

from pathlib import Path

from common.service import Service, main
from common.sweeps import Job
from feedback.api import answer_page, reviews, surveys
from feedback.handlers import SUBSCRIPTIONS
from feedback.jobs import usage_questions
from feedback.settings import answer_links
from feedback.store import count_due_questions, find_contradictions

SERVICE = Service(
    name="feedback",
    migrations=Path(__file__).parents[2] / "migrations",
    subscriptions=SUBSCRIPTIONS,
    routers=(reviews.router, surveys.router, answer_page.router),
    jobs=(Job("usage_questions", usage_questions(answer_links)),),
    due=count_due_questions,
    verify=find_contradictions,
)

if __name__ == "__main__":
    main(SERVICE)
