"""The thresholds that a shop sets, in versions."""
