"""What is membership made of? Wiring only; the commands are serve, migrate, verify, republish."""

from __future__ import annotations

from pathlib import Path

from common.service import Service, main
from membership import handlers, jobs
from membership.api import members, programme, redemptions

SERVICE = Service(
    name="membership",
    migrations=Path(__file__).resolve().parents[2] / "migrations",
    subscriptions=handlers.SUBSCRIPTIONS,
    routers=(members.router, redemptions.router, programme.router),
    jobs=jobs.JOBS,
    due=jobs.due,
    verify=handlers.verify,
)

if __name__ == "__main__":
    main(SERVICE)
