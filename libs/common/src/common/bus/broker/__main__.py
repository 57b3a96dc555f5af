"""Makes the topics, or raises their limits: ``python -m common.bus.broker topics``, or ``limits``"""

import asyncio
import os
import sys

from pydantic import ValidationError

from common.bus.broker.errors import BrokerUnavailable, TopicMismatch
from common.bus.broker.security import from_environment, secure, what_is_wrong
from common.bus.broker.topics import ensure_topics, raise_limits

_COMMANDS = ("topics", "limits")


def main(arguments: list[str]) -> int:
    """`topics`: create what is missing. `limits`: raise `max.message.bytes` of each to ours. Exit status 0 when all are
    as they should be, 1 when Kafka says no, 2 for a wrong call."""
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if len(arguments) != 1 or arguments[0] not in _COMMANDS or not servers:
        usage = "usage: KAFKA_BOOTSTRAP_SERVERS=host:port python -m common.bus.broker"
        print(f"{usage} {'|'.join(_COMMANDS)}", file=sys.stderr)
        return 2
    from common.events.topics import TOPICS  # the mechanism does not need the contract otherwise

    work = ensure_topics if arguments == ["topics"] else raise_limits
    try:
        secure(from_environment())
        if wrong := asyncio.run(what_is_wrong(servers)):
            print(wrong, file=sys.stderr)
            return 1
        changed = asyncio.run(work(servers, TOPICS))
    except ValidationError as error:
        print(f"mend {'; '.join(each['msg'] for each in error.errors(include_input=False))}", file=sys.stderr)
        return 1
    except (BrokerUnavailable, TopicMismatch) as error:
        print(error, file=sys.stderr)
        return 1
    named = f"{': ' if changed else ''}{', '.join(changed)}"
    if arguments == ["topics"]:
        print(f"{len(TOPICS)} topics are there, {len(changed)} of them new{named}")
    else:
        print(f"the limits of {len(changed)} topics were raised{named}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
