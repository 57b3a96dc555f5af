"""What is so about a customer elsewhere (tier, stage, segments, points): what conditions of flows and audiences ask."""
