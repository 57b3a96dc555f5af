"""Creates the topics: ``python -m common.bus.broker topics``"""

import asyncio
import os
import sys

from pydantic import ValidationError

from common.bus.broker.errors import BrokerUnavailable, TopicMismatch
from common.bus.broker.security import from_environment, secure, what_is_wrong
from common.bus.broker.topics import ensure_topics


def main(arguments: list[str]) -> int:
    """Create what is missing; exit status 0 when all topics are there, 1 when Kafka says no, 2 for a wrong call."""
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if arguments != ["topics"] or not servers:
        print("usage: KAFKA_BOOTSTRAP_SERVERS=host:port python -m common.bus.broker topics", file=sys.stderr)
        return 2
    from common.events.topics import TOPICS  # the mechanism does not need the contract otherwise

    try:
        secure(from_environment())
        if wrong := asyncio.run(what_is_wrong(servers)):
            print(wrong, file=sys.stderr)
            return 1
        created = asyncio.run(ensure_topics(servers, TOPICS))
    except ValidationError as error:
        print(f"mend {'; '.join(each['msg'] for each in error.errors(include_input=False))}", file=sys.stderr)
        return 1
    except (BrokerUnavailable, TopicMismatch) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(TOPICS)} topics are there, {len(created)} of them new{': ' if created else ''}{', '.join(created)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
