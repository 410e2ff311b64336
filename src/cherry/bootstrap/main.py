"""Where the `cherry` command starts. Answers `--version` before anything is imported: scripts ask it often."""

import gc
import signal
import sys

from cherry import __version__


def main() -> int:
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


if __name__ == "__main__":
    sys.exit(main())
