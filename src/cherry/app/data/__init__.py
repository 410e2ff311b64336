"""Looking after all that Cherry keeps on this machine: backup and restore, check and repair, pruning."""
