"""Campaigns: a message to a group at a time, with a hold-out that shows what it brought (MSG-049 to MSG-057)."""
