"""The registry, the wrapper chain, and one file per tool."""
