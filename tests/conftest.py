"""What all tests share: the long versions of some of them.

`CHERRY_SOAK=1` (set by `make soak`) asks for them. A test that has one takes the fixture `soak` and does more when it is true; nothing
else reads the variable. Tests with that fixture carry the mark `soak`, so that `make soak` runs them and no others.
"""

import os
import signal

import pytest


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether to take minutes instead of seconds, and to print the figures."""
    return os.environ.get("CHERRY_SOAK", "") == "1"


def pytest_configure(config: pytest.Config) -> None:
    # Whoever starts the tests with nohup or in the background ignores these, and every program below would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for ignored in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(ignored, signal.SIG_DFL)
    config.addinivalue_line("markers", "soak: has a long version, see tests/conftest.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "soak" in getattr(item, "fixturenames", ()):
            item.add_marker("soak")
