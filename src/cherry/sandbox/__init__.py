"""Runs a command so that it cannot hurt: bubblewrap where present, otherwise what the policy allows."""
