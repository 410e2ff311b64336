"""The secret store among several processes, and under kills."""

import subprocess
import sys
from pathlib import Path

from cherry.storage.secrets.vault import Places, Vault

CHILD = Path(__file__).with_name("secrets_child.py")


def test_processes_that_set_secrets_at_once_lose_none(tmp_path: Path) -> None:
    children = [
        subprocess.Popen([sys.executable, str(CHILD), "set", str(tmp_path), f"P{number}", "8"]) for number in range(4)
    ]
    assert [child.wait(timeout=60) for child in children] == [0, 0, 0, 0]
    found = Vault(Places(tmp_path / "data" / "secrets.json", tmp_path / "config" / "secrets.key")).read()
    assert found == {f"P{who}_{number}": f"value of P{who} {number}" for who in range(4) for number in range(8)}


def test_reading_goes_on_while_the_key_changes_and_changes_again(tmp_path: Path) -> None:
    vault = Vault(Places(tmp_path / "data" / "secrets.json", tmp_path / "config" / "secrets.key"))
    vault.set("A", "a")
    child = subprocess.Popen([sys.executable, str(CHILD), "rotate", str(tmp_path), "60"])
    reads = 0
    while child.poll() is None:
        assert vault.read() == {"A": "a"}
        reads += 1
    assert child.returncode == 0
    assert reads > 0


def test_a_rotation_killed_at_any_step_loses_nothing_and_can_be_run_again(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(CHILD), "rotate-killed", str(tmp_path / "start")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    to_key, to_passphrase = (int(line) for line in done.stdout.split())
    assert to_key >= 15
    assert to_passphrase >= 10
