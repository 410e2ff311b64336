"""Reads the output of test runners, linters and compilers into one form."""
