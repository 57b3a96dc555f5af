"""Errors of a stack that its operator can mend."""


class StackError(Exception):
    """A part of the stack cannot run; the text says what to do about it."""


class RegistryUnreachable(StackError):
    """Something must be fetched from a package registry, and it did not answer."""


class PartDied(StackError):
    """A part ended while it was being started; carries the last lines of its log."""


class FolderHeld(StackError):
    """Another stack runs, or is being started, from this folder."""

    EXIT = 75  # of a process that ends by it: EX_TEMPFAIL of sysexits.h


class Refused(Exception):
    """A service answered with a problem; the text is what it says to do, `slug` names it where the answer does, and
    `status` is the answer's."""

    def __init__(self, text: str, slug: str = "", status: int = 0) -> None:
        super().__init__(text)
        self.slug, self.status = slug, status
