"""What the service answers, and what goes wrong."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Outcome(BaseModel):
    """What became of one thing that was told. A refused event may be sent again, mended, with the same id."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    id: str | None = None
    status: Literal["accepted", "duplicate", "refused"]
    slug: str | None = None
    detail: str | None = None
    left_out: list[dict[str, Any]] = []


class RegularsError(Exception):
    """Something was not taken."""


class Refused(RegularsError):
    """The service has refused the request: `slug` is for programs, `detail` says what to do."""

    def __init__(self, status: int, slug: str, detail: str, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {slug}: {detail}")
        self.status, self.slug, self.detail, self.problem = status, slug, detail, problem


class Unreachable(RegularsError):
    """No answer of the service, after all attempts. What was sent may have been taken: sending it again is safe."""
