"""Who came by whose code: referrals, as membership announces them (ANA-008, ANA-009)."""
