"""One client protocol for every face, in-process here."""
