"""Standard Webhooks 1.0, for whoever writes webhooks of their own (standardwebhooks.com)."""
