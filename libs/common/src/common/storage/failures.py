"""The one classification of errors: what passes by itself, what was our own deadline, what needs mending."""

from __future__ import annotations

import traceback
from pathlib import Path

import asyncpg
import sqlalchemy.exc

LOST: tuple[type[Exception], ...] = (
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
)
"""asyncpg says some losses of its server in errors that SQLAlchemy passes on as they are."""
SERVER_ERRORS: tuple[type[Exception], ...] = (asyncpg.PostgresError, OSError, *LOST)
"""Whatever asyncpg raises when its server refuses, is lost or does not answer in time."""
_TEMPORARY_STATES = ("08", "40001", "40P01", "53", "55P03", "57P", "58030", "25006", "25P03")
_CANCELED = "57014"


class Unavailable(Exception):
    """A server that we stand on does not answer just now; nothing was skipped, and the same will succeed later."""


class UnitOfWorkTooLong(TimeoutError):
    """A transaction outlasted our own deadline; the same work takes as long next time."""


def is_too_slow(error: BaseException) -> bool:
    """Whether the work met a deadline of our own (unit of work, statement, any other TimeoutError).

    Smaller work may meet it; the same work will not, unless the database stood still meanwhile, which the caller must
    ask it.
    """
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        return _state(error) == _CANCELED
    return isinstance(error, (TimeoutError, asyncpg.QueryCanceledError)) and not isinstance(error, Unavailable)


def is_temporary(error: BaseException) -> bool:
    """Whether the same work would succeed later without being mended. Only the lack of a part of ours is: the database,
    Kafka, or a lock that another holds. UnitOfWorkTooLong and a cancelled statement are not."""
    if isinstance(error, UnitOfWorkTooLong):
        return False
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        if is_data(error.orig):
            return False
        if error.connection_invalidated or isinstance(error, sqlalchemy.exc.InterfaceError):
            return True
        return _state(error).startswith(_TEMPORARY_STATES)
    if isinstance(error, OSError):
        # What names a file is about that file, and no peer that is away.
        return error.filename is None
    if isinstance(error, asyncpg.PostgresError) and not isinstance(error, LOST):
        return str(error.sqlstate or "").startswith(_TEMPORARY_STATES)
    return isinstance(error, (Unavailable, sqlalchemy.exc.TimeoutError, *LOST)) and not is_data(error)


def passes(error: BaseException) -> bool:
    """For work that goes on for a process's life: wait and look again, instead of ending the process."""
    if isinstance(error, BaseExceptionGroup):
        return all(passes(each) for each in error.exceptions)
    return is_temporary(error) or is_too_slow(error)


def where(error: BaseException) -> str:
    """What failed and where, without the error's own words: they may quote personal data."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}, in {frames[-1].name}" if frames else "?"
    return f"{type(error).__name__} at {place}: mend the service or the event, then send it again"


def is_data(error: BaseException | None) -> bool:
    """A value that a column does not take, which asyncpg derives from the errors of a lost session."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, asyncpg.DataError) or (
            isinstance(found, asyncpg.InterfaceError) and isinstance(found, ValueError)
        ):
            return True
        found = found.__cause__
    return False


def _state(error: sqlalchemy.exc.DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or "")
