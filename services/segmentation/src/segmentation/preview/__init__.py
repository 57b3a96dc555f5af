"""The effect of other thresholds, before they are saved."""
