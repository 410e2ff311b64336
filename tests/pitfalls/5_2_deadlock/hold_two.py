"""Takes two locks, the second once told to on standard input; tells how it went on standard output.

python hold_two.py NAME FIRST SECOND SECONDS
"""

import sys
from pathlib import Path

from cherry.kernel.file_locks import Deadlock, LockTimeout, file_lock
from cherry.kernel.locks import LockOrderError


def main(name: str, first: str, second: str, seconds: str) -> None:
    with file_lock(Path(first), name, seconds=20):
        print("has first", flush=True)
        sys.stdin.readline()
        try:
            with file_lock(Path(second), name, seconds=float(seconds)):
                print("has both", flush=True)
        except (Deadlock, LockTimeout, LockOrderError) as error:
            print(f"{type(error).__name__}: {error}", flush=True)


main(*sys.argv[1:])
