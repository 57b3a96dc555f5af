"""The queue of messages to be sent."""
