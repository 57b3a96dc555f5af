"""The folder of a stack: held by one stack at a time, and cleared of what a killed one left running."""

import fcntl
import signal
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from regulars.stack.errors import FolderHeld, StackError
from regulars.stack.process import signal_group
from regulars.stack.state import StackState, state_file

_ANOTHER = "name another folder with --folder or REGULARS_RUN"


def lock(folder: Path, name: str = "lock", hint: str = _ANOTHER) -> IO[str]:
    """Hold the folder for one stack as long as the file stays open. `hint`: what to do where it cannot be used.

    Raises FolderHeld when another holds it, StackError.
    """
    usable(folder, hint)
    file = (folder / name).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise FolderHeld(f"a stack runs from {folder} already; stop it with: regulars down") from error
    return file


def share(folder: Path, name: str = "lock") -> ExitStack:
    """Keep others from holding the folder, which is only read, until this is closed. Raises FolderHeld.

    As far as it can be done: the folder may be another's, or lie where nothing can be written or locked.
    """
    kept = ExitStack()
    with suppress(OSError):
        file = kept.enter_context((folder / name).open())
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            kept.close()
            raise FolderHeld(f"{folder} is being written") from error
    return kept


def usable(folder: Path, hint: str = _ANOTHER) -> None:
    """Make the folder where it is missing. Raises StackError with what to do where it cannot hold a stack."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (FileExistsError, NotADirectoryError):
        raise StackError(f"{folder} is no folder: {hint}") from None
    except OSError as error:
        raise StackError(f"{folder} cannot be written to ({error.strerror}): {hint}") from None


def end_leftovers(folder: Path) -> list[str]:
    """Kill what a stack of this folder left running when it was killed; gives the names. The caller holds the lock."""
    state = StackState.load(state_file(folder))
    left = {} if state is None else {name: each for name, each in state.processes.items() if each.is_alive()}
    for each in left.values():
        signal_group(each.pid, signal.SIGKILL)
    return sorted(left)
