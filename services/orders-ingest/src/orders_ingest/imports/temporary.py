"""A database in a temporary file for what does not fit into memory while a file is read; gone when it is closed."""

from __future__ import annotations

import sqlite3


def temporary_database(*statements: str) -> sqlite3.Connection:
    """An empty SQLite database in which the statements were run; 32 MB of it are held in memory."""
    database = sqlite3.connect("", isolation_level=None)
    # Nothing of it outlives the process, so nothing is made durable.
    settings = ("pragma journal_mode = off", "pragma synchronous = off", "pragma cache_size = -32768")
    for statement in (*settings, *statements):
        database.execute(statement)
    return database
