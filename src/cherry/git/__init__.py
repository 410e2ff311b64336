"""The `git` command, run so that a hostile repository cannot run anything, and its output as values."""
