"""The chaos run: load, faults, and a checker that counts by itself."""
