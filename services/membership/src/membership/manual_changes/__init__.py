"""What staff change by hand of a member, points or tier, with reason, person and where needed a second person."""
