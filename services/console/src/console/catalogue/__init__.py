"""The catalogue as the shop sent it, and what it lacks."""
