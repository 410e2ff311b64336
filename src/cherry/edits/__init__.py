"""Reads edits, finds where they apply, and writes change sets all or nothing with a way back."""
