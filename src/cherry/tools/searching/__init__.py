"""Looking for a regular expression in the files of a workspace: with ripgrep where it is, otherwise in a Python process of its own."""
