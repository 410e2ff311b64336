"""Checks what a change broke: only what was not broken before counts."""
