"""The shop's rules of asking, in versions."""
