"""Typed settings from layers, each value with the place it came from."""
