"""Settings of shops: stored as versions, followed from the topic `shops`."""
