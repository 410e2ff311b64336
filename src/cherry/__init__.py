"""Cherry: a self-hosted AI software engineer.

Importing this package does nothing and costs nothing; the command line starts in `cherry.bootstrap.main`.
"""

__version__ = "0.1.0"
