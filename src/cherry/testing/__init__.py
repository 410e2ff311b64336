"""Public doubles: scripted model, wire-level provider doubles, fake clock, memory store."""
