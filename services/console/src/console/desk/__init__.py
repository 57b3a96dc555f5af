"""The desk: tasks of the shop's people and calls to customers."""
