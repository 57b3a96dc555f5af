"""What may be asked of membership over HTTP? Members, redemptions, the programme."""
