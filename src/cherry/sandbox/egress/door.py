"""A way out of one command's network namespace: bubblewrap is held back until our proxy listens inside, and only then goes on.

    bubblewrap --info-fd … --block-fd …      makes the namespaces, says which process is in them, waits
    listener (a short-lived child of ours)   enters the network namespace, makes a listening socket, hands it to us
    EgressProxy                              accepts on it from outside

So nothing of ours runs inside, and what runs inside can reach nothing but this socket.
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from cherry.domain.errors import CherryError, sandbox
from cherry.kernel.deadlines import DeadlineExceeded, within
from cherry.sandbox.egress.proxy import EgressProxy

PORT = 3128
SECONDS = 15.0
"""For bubblewrap to make its namespaces, and for the listener."""
_LISTENER = Path(__file__).with_name("listener.py")
_URL = f"http://127.0.0.1:{PORT}"
VARIABLES = {
    **{name: _URL for upper in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY") for name in (upper, upper.lower())},
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1"),
}
"""By which programs find the proxy. What does not heed them has no network."""


class Door:
    """For one start of bubblewrap: give it `options` and pass it `passed`, then `open` or `close`."""

    def __init__(self, proxy: EgressProxy) -> None:
        self.proxy = proxy
        told, info = os.pipe()
        block, release = os.pipe()
        self._told: int | None = told
        self._release: int | None = release
        self.passed = (info, block)
        """Ours to close once bubblewrap has them."""
        self.options = ("--info-fd", str(info), "--block-fd", str(block))

    async def open(self) -> None:
        """Let the command run. Raises CherryError(sandbox.START_FAILED); then `close` and end what was started."""
        told, self._told = self._told, None
        assert told is not None
        try:
            pid = await within("sandbox.namespaces", SECONDS, asyncio.to_thread(_process_inside, told))
            listening = await within("sandbox.listener", SECONDS, asyncio.to_thread(_listening_inside, pid))
            await self.proxy.serve(listening)
            self._let_run()
        except (OSError, ValueError, DeadlineExceeded, subprocess.SubprocessError) as error:
            raise CherryError(sandbox.START_FAILED, "The network could not be granted", why=str(error)) from error

    def close(self) -> None:
        """Nothing gets through any more; a command that was not let run ends. May be called more than once."""
        self.proxy.close()
        for handle in (self._told, self._release):
            if handle is not None:
                os.close(handle)
        self._told = self._release = None

    def _let_run(self) -> None:
        release, self._release = self._release, None
        assert release is not None
        os.write(release, b"x")
        os.close(release)


def _process_inside(told: int) -> int:
    """Its id, as bubblewrap tells it; the handle is closed. Ends when bubblewrap does. Raises ValueError, OSError."""
    said = b""
    try:
        while piece := os.read(told, 4096):
            said += piece
            with contextlib.suppress(ValueError):
                return int(json.loads(said)["child-pid"])
    finally:
        os.close(told)
    raise ValueError("bubblewrap ended before it had made its namespaces")


def _listening_inside(pid: int) -> socket.socket:
    """Raises OSError, ValueError with what the listener said."""
    ours, theirs = socket.socketpair()
    with ours, theirs, contextlib.ExitStack() as stack:
        namespaces = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in ("user", "net")]
        for handle in namespaces:
            stack.callback(os.close, handle)
        passed = (*namespaces, theirs.fileno())
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(_LISTENER), *map(str, passed), str(PORT)],
            pass_fds=passed,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={},
        )
        if done.returncode != 0:
            raise ValueError(
                done.stderr.decode("utf-8", "replace").strip() or f"the listener ended with {done.returncode}"
            )
        _, handles, _, _ = socket.recv_fds(ours, 1, 1)
    listening = socket.socket(fileno=handles[0])
    listening.setblocking(False)
    return listening
