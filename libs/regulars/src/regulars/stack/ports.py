"""Which TCP port is free for a part of the stack?"""

import random
import socket

# Below the usual range of outgoing connections (32768 and up on Linux): a port that a killed part gives back
# cannot be taken by somebody's client connection before the part is started again on it.
_FIRST, _LAST = 20000, 31999


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether nobody listens on the port now; somebody may a moment later."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None) -> int:
    """The preferred port where it is free, else a random free one between 20000 and 31999."""
    if preferred is not None and is_free(preferred):
        return preferred
    for _ in range(200):
        port = random.SystemRandom().randint(_FIRST, _LAST)
        if is_free(port):
            return port
    raise OSError(f"no free TCP port found between {_FIRST} and {_LAST}; stop something that listens there")
