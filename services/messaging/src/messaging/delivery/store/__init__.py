"""Every SQL statement about messages in the queue and on their way, and about pauses."""
