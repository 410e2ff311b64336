"""Decides, never acts: policy, path jail, trust, redaction."""
