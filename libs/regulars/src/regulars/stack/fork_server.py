"""The fork server: one process reads the libraries and is forked for each service.

`python -m regulars.stack.fork_server FD MODULE...` imports the modules, then takes a JSON line for each process to
start from the socket FD: `name`, `module`, `args`, `env` (its whole environment), `log` (file that both its outputs are
appended to). It answers `{"started": pid}`, and `{"ended": pid, "code": n}` when one of them has ended (-9: killed by
signal 9). At the end of the socket it ends, and with it, by the kernel's hand, whatever it started. Linux only.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from typing import Any, NoReturn

from regulars.stack.process import end_with_parent, name_this_process


def main() -> None:
    """Serve until the other end of the socket is closed."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    for module in sys.argv[2:]:
        importlib.import_module(module)
    gc.collect()
    # What is there now stays in pages that all processes share: the collector does not write into them.
    gc.freeze()
    waker, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    requests = b""
    while True:
        ready, _, _ = select.select([channel.fileno(), waker], [], [])
        if channel.fileno() in ready:
            received = channel.recv(65536)
            if not received:
                return
            *lines, requests = (requests + received).split(b"\n")
            for line in lines:
                pid = os.fork()
                if pid == 0:
                    os.close(waker)
                    os.close(woken)
                    channel.close()
                    _become(json.loads(line))
                _answer(channel, {"started": pid})
        if waker in ready:
            os.read(waker, 4096)
            _tell_ended(channel)


def _tell_ended(channel: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _answer(channel, {"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _answer(channel: socket.socket, answer: dict[str, int]) -> None:
    channel.sendall(json.dumps(answer).encode() + b"\n")


def _become(request: dict[str, Any]) -> NoReturn:
    """Be the process that `python -m module args` would have been."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        end_with_parent(signal.SIGTERM, os.getppid())()
        name_this_process(request["name"])
        log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        os.environ.clear()
        os.environ.update(request["env"])
        sys.argv = [request["module"], *request["args"]]
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            code = end.code or 0
        else:
            print(end.code, file=sys.stderr)
    except BaseException:  # the last words of the process, as the interpreter would say them
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
