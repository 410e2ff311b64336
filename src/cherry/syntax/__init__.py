"""Tells the language of a file and where its syntax is broken."""
