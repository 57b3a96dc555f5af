"""Process 1 of a container: ``python -m common.process.first membership.main serve`` runs that module.

The kernel drops SIGTERM for a process 1 that has no handler of its own, so a container that is stopped while Python
still reads libraries would wait for its whole grace and be killed. Imports nothing that takes time before the handler
stands.
"""

import os
import runpy
import signal
import sys


def _end(number: int, _frame: object) -> None:
    # Nothing is held yet, or it is held by a transaction that the server undoes: as the signal does to other processes.
    os._exit(128 + number)


def main(arguments: list[str]) -> None:
    """Heed SIGTERM from here on, until the module says otherwise; then run it as ``python -m`` does."""
    signal.signal(signal.SIGTERM, _end)
    if not arguments:
        sys.exit("usage: python -m common.process.first MODULE [ARGUMENT ...]")
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
