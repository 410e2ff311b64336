"""Where the `cherry` command starts. Answers `--version` before anything is imported: scripts ask it often."""

import gc
import os
import signal
import sys

from cherry import __version__


def main() -> int:
    _open_missing_streams()
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"cherry {__version__}\n")
        return 0
    # Nothing has begun that Ctrl+C could leave half done, and an exception in the middle of an import would only be noise.
    at_interrupt = signal.getsignal(signal.SIGINT)
    if at_interrupt is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What is imported stays: looking it over for garbage while it comes in costs a sixth of the start-up time.
    gc.disable()
    # Not at the top: this import is most of the start-up time.
    from cherry.bootstrap.program import run_program

    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGINT, at_interrupt)
    return run_program(sys.argv[1:])


def _open_missing_streams() -> None:
    """A standard stream that was closed when we were started: nothing comes from it and nothing it is told goes anywhere."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # The lowest free number is taken: this one, as those before it are open.
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115 — stays open


if __name__ == "__main__":
    sys.exit(main())
