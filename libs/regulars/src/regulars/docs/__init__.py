"""The documents that describe the code: generated, committed, and checked to be fresh."""
