"""Names of people who sign in."""

from common.values.people import is_person


def is_name(text: str) -> bool:
    """Whether somebody may be called so here: the services take it as the name of who orders something (SEC-004)."""
    return text.isprintable() and is_person(text)
