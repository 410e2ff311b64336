"""Makes a listening socket inside another process's network namespace and hands it back. Run as a program, never imported.

    python -I -S listener.py USER_NAMESPACE_FD NETWORK_NAMESPACE_FD SOCKET_FD PORT

A program of its own, because only a process with one thread may enter a user namespace. Standard library only.
"""

import array
import ctypes
import os
import socket
import sys

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_WAITING = 128


def main(user: int, network: int, back: int, port: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for handle, kind in ((user, _NEW_USER), (network, _NEW_NETWORK)):
        if libc.setns(handle, kind) != 0:
            sys.exit(f"setns: {os.strerror(ctypes.get_errno())}")
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Any address: in there is nothing but loopback, which may not be up yet.
    listening.bind(("0.0.0.0", port))  # noqa: S104
    listening.listen(_WAITING)
    with socket.socket(fileno=back) as channel:
        handles = array.array("i", [listening.fileno()])
        channel.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handles)])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
