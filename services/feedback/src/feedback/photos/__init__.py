"""Photos of customers: looked at, kept encrypted on disk or in an S3 store, gone with the customer."""
