"""What people and shops order of membership: each recorded as an input of the member's fold."""
