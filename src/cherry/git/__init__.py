"""Talks to the git command in machine-readable form."""
