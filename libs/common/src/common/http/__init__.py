"""The HTTP side that every service shares: scopes, problem details, limits, health and operation."""
