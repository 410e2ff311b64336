"""One file per program: its printed forms, and nothing else."""
