"""What may a shop ask and tell over HTTP?"""
