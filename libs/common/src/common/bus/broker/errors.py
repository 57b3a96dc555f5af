"""What goes wrong with Kafka, sorted by what the caller must do."""

from common.storage.failures import Unavailable


class BrokerUnavailable(Unavailable):
    """Temporary: wait a moment and call again. Nothing was skipped."""


class OffsetOutOfLog(Exception):
    """The position to read from lies outside the log: stop the process, an operator must decide."""


class NoProgress(Exception):
    """Kafka answers, two consumers in a row brought nothing: end the process with a status other than 0."""


class MessageRefused(Exception):
    """The first message can never be published as it is, for instance because it is too large."""


class TopicMismatch(Exception):
    """A topic exists otherwise than asked for."""
