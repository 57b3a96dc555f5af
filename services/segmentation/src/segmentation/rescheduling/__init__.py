"""Due times computed anew when statistics or thresholds are new."""
