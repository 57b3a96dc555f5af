"""What falls due, what has to be folded anew, the balance of the ledgers, and verification by command."""
