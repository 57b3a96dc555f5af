"""What survives when everything is killed? Load, faults, and a checker that believes nobody."""
