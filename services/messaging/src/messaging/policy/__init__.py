"""The shop's rules of contact, in versions."""
