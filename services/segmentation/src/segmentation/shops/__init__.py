"""All that folds read of a shop: settings, statistics and thresholds by time."""
