"""Photos in a bucket of an S3 store: Amazon's, or one that speaks its protocol."""
