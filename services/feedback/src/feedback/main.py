"""feedback: wiring only."""

from __future__ import annotations

from pathlib import Path

from common.service import Job, Runtime, Service, main
from feedback.api import answer_page, policy, reviews, surveys
from feedback.domain.links import AnswerLinks
from feedback.handlers import SUBSCRIPTIONS
from feedback.jobs.asking import usage_questions
from feedback.jobs.verifying import find_differences
from feedback.store.questions import count_due_questions


def jobs(runtime: Runtime) -> tuple[Job, ...]:
    """The sweep that asks signs its links with the installation's key."""
    links = AnswerLinks(runtime.master, runtime.settings.public_url)
    return (Job("usage_questions", usage_questions(links)),)


SERVICE = Service(
    name="feedback",
    migrations=Path(__file__).parents[2] / "migrations",
    subscriptions=SUBSCRIPTIONS,
    routers=(reviews.router, surveys.router, policy.router, answer_page.router),
    jobs=jobs,
    due=count_due_questions,
    verify=find_differences,
)

if __name__ == "__main__":
    main(SERVICE)
