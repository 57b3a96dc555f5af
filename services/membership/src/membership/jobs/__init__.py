"""What does membership do by itself? Sweeps when time passes, checks of the ledgers, verification by command."""
