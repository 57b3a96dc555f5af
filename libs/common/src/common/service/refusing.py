"""Why a rebuild does not begin, or does not end."""


class CannotRebuild(Exception):
    """Something that an operator has to do first; the message says what."""
