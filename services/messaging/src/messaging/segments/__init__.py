"""Which segments there are, so that a name that nobody will ever be in is refused."""
