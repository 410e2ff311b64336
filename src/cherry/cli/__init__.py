"""The command line: parses, shows events, asks questions; no business rules."""
