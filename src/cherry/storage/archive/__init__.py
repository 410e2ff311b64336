"""A backup as one file: a tar archive in gzip that `tar -xzf` opens too, written and read with nothing taken on trust."""
