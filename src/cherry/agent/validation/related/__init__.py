"""Which tests have to do with changed files, by rules a person can check."""
