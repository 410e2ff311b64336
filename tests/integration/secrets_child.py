"""Works on a secret store from a process of its own: `set FOLDER PREFIX COUNT`, `rotate FOLDER COUNT`, or
`rotate-killed FOLDER`, killed before its n-th step.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

from cherry.storage.secrets import sealing  # noqa: F401 — loaded before the steps are counted
from cherry.storage.secrets.vault import Passphrases, Places, Vault

STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.truncate"}


def places(folder: Path) -> Places:
    return Places(folder / "data" / "secrets.json", folder / "config" / "secrets.key")


def set_many(folder: Path, prefix: str, count: int) -> None:
    for number in range(count):
        Vault(places(folder)).set(f"{prefix}_{number}", f"value of {prefix} {number}")


def rotate_killed(start: Path, passphrases: Passphrases, *, readable_with: list[Passphrases]) -> int:
    """Rotate copies of a store, each killed one step later than the one before, until one ends by itself; how many were killed."""
    expected = Vault(places(start)).read()
    killed = 0
    while True:
        folder = start.with_name(f"try {killed}")
        shutil.copytree(start, folder)
        child = os.fork()
        if child == 0:
            die_before(killed)
            Vault(places(folder), passphrases=passphrases).rotate()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert any(reads(folder, each) == expected for each in readable_with), f"lost after step {killed}"
        Vault(places(folder), passphrases=passphrases).rotate()
        assert Vault(places(folder), passphrases=passphrases).read() == expected
        names = sorted(path.name for path in folder.rglob("*") if path.is_file())
        assert set(names) <= {"secrets.json", "secrets.key", "secrets.lock"}, names
        shutil.rmtree(folder)
        if not os.WIFSIGNALED(status):
            assert status == 0
            return killed
        killed += 1


def reads(folder: Path, passphrases: Passphrases) -> dict[str, str]:
    return Vault(places(folder), passphrases=passphrases).read()


def die_before(step: int) -> None:
    left = step

    def count(event: str, _: tuple[object, ...]) -> None:
        nonlocal left
        if event in STEPS:
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    sys.addaudithook(count)


def main(words: list[str]) -> None:
    folder = Path(words[1])
    if words[0] == "set":
        set_many(folder, words[2], int(words[3]))
        return
    if words[0] == "rotate":
        for _ in range(int(words[2])):
            Vault(places(folder)).rotate()
        return
    set_many(folder, "A", 3)
    print(rotate_killed(folder, Passphrases(), readable_with=[Passphrases()]))
    cheap = Passphrases("one", cost=10)
    print(rotate_killed(folder, cheap, readable_with=[cheap]))


if __name__ == "__main__":
    main(sys.argv[1:])
