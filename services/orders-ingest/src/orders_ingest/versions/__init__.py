"""The order of versions: which of two is the newer."""
