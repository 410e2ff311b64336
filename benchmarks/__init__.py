"""How fast and how lean Cherry is, beside other agents on this machine: `make bench` or `python -m benchmarks`."""
