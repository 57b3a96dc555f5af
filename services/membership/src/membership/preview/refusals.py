"""Why a programme is not previewed."""

from __future__ import annotations

from datetime import datetime

from common.refusals import Conflict, Invalid


class PreviewUnderWay(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "preview_under_way",
            "This shop's programme is being previewed already: ask again when that is answered.",
        )


class SinceInFuture(Invalid):
    def __init__(self, now: datetime) -> None:
        super().__init__(
            "since_in_future",
            f"A preview looks back: give a `since` of {now.isoformat()} or earlier, or none.",
            latest=now,
        )
