"""From the queue to the provider: leases, workers, outcomes, pauses."""
