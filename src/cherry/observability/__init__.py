"""Log facade: one structured line per happening, redacted, never on standard output."""
