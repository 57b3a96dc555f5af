"""Would it succeed later by itself, and what may be said of what failed?"""

from __future__ import annotations

import traceback
from pathlib import Path

import asyncpg
import sqlalchemy.exc

from common.broker import BrokerUnavailable

LOST: tuple[type[Exception], ...] = (
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
)
"""asyncpg says some losses of its server in errors that SQLAlchemy passes on as they are."""
_TEMPORARY_STATES = ("08", "40001", "40P01", "53", "55P03", "57", "25006")


def is_temporary(error: BaseException) -> bool:
    """Would the same work succeed later without anybody mending it?"""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        if error.connection_invalidated or isinstance(error, sqlalchemy.exc.InterfaceError):
            return True
        state = str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or "")
        return state.startswith(_TEMPORARY_STATES)
    return isinstance(error, (BrokerUnavailable, OSError, TimeoutError, sqlalchemy.exc.TimeoutError, *LOST))


def where(error: BaseException) -> str:
    """What failed and where, without the error's own words: they may quote personal data."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}, in {frames[-1].name}" if frames else "?"
    return f"{type(error).__name__} at {place}: mend the service or the event, then send it again"
