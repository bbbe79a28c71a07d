"""Strict reading of our own TOML files: every mistake is one line with file, line number and nearest known name."""
