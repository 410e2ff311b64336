"""4.1 The provider asks to slow down and is called all the faster; what can never succeed is tried again and again."""

import json
import urllib.error
import urllib.request
from itertools import pairwise

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Hang, Refuse, Script
from cherry.testing.wire import KEY, WireDouble


def naive_call(double: WireDouble) -> None:
    """Ten tries, at once, whatever the reason was."""
    body = json.dumps({"model": "test", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    for _ in range(10):
        try:
            urllib.request.urlopen(urllib.request.Request(f"{double.base_url}/v1/chat/completions", body, headers))
        except urllib.error.HTTPError as error:
            error.close()


def test_naively_a_busy_provider_is_stormed() -> None:
    with provider(Script(Refuse("rate_limited", retry_after=5), then="repeat_last")) as double:
        naive_call(double)
        assert len(double.model_requests) == 10
        assert double.model_requests[-1].at - double.model_requests[0].at < 5


def test_the_provider_is_given_the_time_it_asks_for(cherry: Program) -> None:
    with provider(Script(Refuse("rate_limited", retry_after=1), "Thank you for waiting.")) as double:
        assert cherry.run("run", "go", double=double).out == "Thank you for waiting.\n"
        first, second = double.model_requests
        assert second.at - first.ended >= 1


def test_tries_are_few_and_come_at_growing_distances(cherry: Program) -> None:
    pauses = {"CHERRY_GATEWAY__RETRIES__ATTEMPTS": "4", "CHERRY_GATEWAY__RETRIES__FIRST_WAIT": "0.1"}
    with provider(Script(Refuse("overloaded"), then="repeat_last")) as double:
        ended = cherry.run("run", "go", double=double, environ=pauses)
        assert ended.code == 5
        assert "tried 4 times" in ended.err
        assert len(double.model_requests) == 4
        distances = [later.at - earlier.ended for earlier, later in pairwise(double.model_requests)]
        assert all(distance <= bound + 0.5 for distance, bound in zip(distances, (0.1, 0.2, 0.4), strict=True))


def test_what_cannot_succeed_is_tried_once(cherry: Program) -> None:
    for kind in ("wrong_key", "quota_used_up"):
        with provider(Script(Refuse(kind), then="repeat_last")) as double:
            assert cherry.run("run", "go", double=double).code == 5
            assert len(double.model_requests) == 1


def test_waits_do_not_add_up_beyond_the_time_of_the_turn(cherry: Program) -> None:
    with provider(Script(Hang(), then="repeat_last")) as double:
        ended = cherry.run(
            "run", "go", "--max-time", "1", double=double, environ={"CHERRY_GATEWAY__DEADLINES__FIRST_BYTE": "0.4"}
        )
        assert ended.code == 3
        assert ended.seconds < 5
