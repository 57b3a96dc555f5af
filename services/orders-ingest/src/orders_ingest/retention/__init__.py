"""How long a shop keeps what is personal of customers of whom it has heard nothing (SEC-006)."""
