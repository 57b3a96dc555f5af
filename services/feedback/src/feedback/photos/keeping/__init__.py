"""Where the bytes of photos lie: on disk, or in an S3 store. They are encrypted before they come here."""
