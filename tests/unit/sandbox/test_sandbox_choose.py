"""The ladder: bubblewrap, landlock, then nothing unless the policy allows it."""

import pytest

from cherry.domain.errors import CherryError, sandbox
from cherry.sandbox.choose import Probe, best_of, probe


def test_the_highest_rung_is_taken() -> None:
    assert best_of(Probe("/usr/bin/bwrap", landlock=True), required=True, environ={}).name == "bubblewrap"
    assert best_of(Probe(why_not="x", landlock=True), required=True, environ={}).name == "landlock"


def test_without_any_rung_a_required_sandbox_is_refused_with_the_reason() -> None:
    with pytest.raises(CherryError) as caught:
        best_of(Probe(why_not="bubblewrap does not work here: no user namespaces"), required=True, environ={})
    assert caught.value.kind is sandbox.UNAVAILABLE
    assert "no user namespaces" in caught.value.message


def test_without_any_rung_commands_run_bare_only_if_allowed_and_it_says_so() -> None:
    chosen = best_of(Probe(why_not="x"), required=False, environ={})
    assert chosen.name == "none"
    assert not chosen.confines


def test_the_machine_is_tried_once() -> None:
    assert probe("/usr/bin:/bin") is probe("/usr/bin:/bin")
