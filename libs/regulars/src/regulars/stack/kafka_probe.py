"""Asks a Kafka broker whether it answers, and how many live brokers it knows."""

import socket
import struct

_METADATA, _VERSION = 3, 5


def live_brokers(host: str, port: int, timeout_s: float = 1.0) -> int:
    """Number of brokers that the asked one names as alive; 0 when it does not answer.

    Speaks the one request that it needs (Metadata v5 for no topic) over a plain socket: the start of a broker is
    awaited without the client library, which the services alone use.
    """
    body = struct.pack(">hhih", _METADATA, _VERSION, 1, 8) + b"regulars" + struct.pack(">i?", 0, False)
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            answer = _exactly(connection, struct.unpack(">i", _exactly(connection, 4))[0])
    except OSError:
        return 0
    # After the correlation id and the throttle time stands the array of brokers.
    return int(struct.unpack_from(">i", answer, 8)[0])


def _exactly(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        part = connection.recv(count - len(received))
        if not part:
            raise ConnectionError("closed before the whole answer came")
        received += part
    return received
