"""What every service shares: the event contract and the delivery mechanism."""
