"""`python -m cherry.testing.wire`: a wire double as a program.

Prints one line of JSON when it listens (`{"base_url": …, "port": …, "pid": …}`) and serves until its standard input
closes or it gets SIGTERM or SIGINT. With `--log FILE` each model request is appended there as a line of JSON.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import TextIO

from cherry.testing.script_files import BadScript, load_script
from cherry.testing.scripts import Script
from cherry.testing.wire.double import WireDouble
from cherry.testing.wire.records import RecordedRequest


def main() -> int:
    options = _parser().parse_args()
    try:
        script = load_script(options.script) if options.script else Script(options.say, then="repeat_last")
    except (BadScript, OSError) as error:
        sys.stderr.write(f"cherry.testing.wire: {error}\n")
        return 2
    asyncio.run(_serve(script, options))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m cherry.testing.wire", description=__doc__)
    parser.add_argument("--script", type=Path, help="a script as JSON")
    parser.add_argument("--say", default="Hello.", help="without a script: answer this to every request")
    parser.add_argument("--port", type=int, default=0, help="0 (default) takes any free one")
    parser.add_argument("--models", default="test", help="comma-separated names to list")
    parser.add_argument("--no-key", action="store_true", help="take requests without an API key")
    parser.add_argument("--log", type=Path, help="append model requests here, one JSON object a line")
    parser.add_argument("--stay", action="store_true", help="go on when standard input closes")
    return parser


async def _serve(script: Script, options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if not options.stay:
        _stop_with_stdin(loop, stop)
    models = tuple(options.models.split(","))
    log = options.log.open("a", encoding="utf-8") if options.log else None
    observe = None if log is None else lambda record: _log(record, log)
    double = WireDouble(script, models=models, require_key=not options.no_key, port=options.port, observe=observe)
    async with double:
        sys.stdout.write(json.dumps({"base_url": double.base_url, "port": double.port, "pid": os.getpid()}) + "\n")
        sys.stdout.flush()
        await stop.wait()
    if log is not None:
        log.close()


def _stop_with_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Whoever started this program and died without a word must not leave it behind."""

    def readable() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            stop.set()

    # A regular file or /dev/null as standard input cannot tell when its other end is gone.
    with contextlib.suppress(OSError):
        loop.add_reader(0, readable)


def _log(record: RecordedRequest, log: TextIO) -> None:
    line = {
        "api": record.api,
        "path": record.path,
        "status": record.status,
        "state": record.state,
        "complaint": record.complaint,
        "bytes": len(record.raw),
        "at": record.at,
        "ended": record.ended,
        "body": record.body,
    }
    log.write(json.dumps(line) + "\n")
    log.flush()


if __name__ == "__main__":
    sys.exit(main())
