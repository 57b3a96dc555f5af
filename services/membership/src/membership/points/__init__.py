"""Points: earned, released, expired, redeemed, given back and clawed back."""
