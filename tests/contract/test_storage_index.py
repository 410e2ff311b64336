"""Listing, finding, searching and deleting sessions: what every store keeps to."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from cherry.domain.calls import Fault
from cherry.domain.content import FilePart, FromAssistant, ImagePart, TextPart, UserPart
from cherry.domain.errors import CherryError, storage
from cherry.domain.events import (
    AssistantMessage,
    Event,
    HistoryCompacted,
    ModelChosen,
    SessionRenamed,
    SessionStarted,
    StepFailed,
    ToolStarted,
    TurnFinished,
    TurnResumed,
    TurnStarted,
    UserMessage,
)
from cherry.domain.limits import TurnLimits
from cherry.domain.usage import Cost, Usage
from cherry.storage.memory import MemoryStore
from cherry.storage.ports import Draft
from cherry.storage.sqlite.store import SqliteStore
from cherry.storage.upkeep import KeptStore
from cherry.testing.clock import FakeClock

HOLDER = "another-machine:17:boot.1"
LIMITS = TurnLimits()
NO_USAGE = Usage()
NO_COST = Cost()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[KeptStore]:
    made = MemoryStore(clock=clock) if request.param == "memory" else SqliteStore(tmp_path / "data", clock=clock)
    yield made
    await made.close()


async def session(store: KeptStore, id: str, *events: Event, workspace: str = "/project", turn: int = 1) -> None:
    await store.log.create(id, SessionStarted(workspace=workspace, model="openai/gpt-5"))
    lease = await store.log.acquire(id, HOLDER, seconds=30)
    await store.log.append(lease, [Draft(turn, event) for event in events])
    await store.log.release(lease)


def said(text: str, id: str = "m1") -> UserMessage:
    return UserMessage(message_id=id, parts=(TextPart(text=text),))


def answered(text: str, *, step: int = 1, usage: Usage = NO_USAGE, cost: Cost = NO_COST) -> AssistantMessage:
    message = FromAssistant(parts=(TextPart(text=text),))
    return AssistantMessage(step=step, message=message, finish="stop", usage=usage, cost=cost, model="gpt-5")


async def test_an_empty_store_lists_finds_and_matches_nothing(store: KeptStore) -> None:
    assert await store.index.recent() == []
    assert await store.index.search("anything") == []
    with pytest.raises(CherryError) as caught:
        await store.index.find("s_1")
    assert caught.value.kind is storage.UNKNOWN_SESSION


async def test_sessions_are_listed_newest_first_and_by_workspace(store: KeptStore, clock: FakeClock) -> None:
    for id, workspace in (("s_a", "/one"), ("s_b", "/two"), ("s_c", "/one")):
        await session(store, id, workspace=workspace)
        clock.move(1)
    await session(store, "s_a", said("again"), workspace="/one")

    assert [info.id for info in await store.index.recent()] == ["s_a", "s_c", "s_b"]
    assert [info.id for info in await store.index.recent(workspace="/one")] == ["s_a", "s_c"]
    assert [info.id for info in await store.index.recent(limit=1)] == ["s_a"]
    assert await store.index.recent(workspace="/nowhere") == []


async def test_a_listing_sums_up_tokens_and_money(store: KeptStore) -> None:
    spent = [
        answered("a", usage=Usage(input_tokens=10, output_tokens=3), cost=Cost(usd=Decimal("0.10"))),
        StepFailed(
            step=2,
            fault=Fault(code="x", message="y"),
            usage=Usage(cache_read_tokens=5, estimated=True),
            cost=Cost(usd=Decimal("0.02"), known=False),
        ),
        HistoryCompacted(upto_seq=3, summary="", usage=Usage(output_tokens=4), cost=Cost(usd=Decimal("0.003"))),
    ]
    await session(store, "s_a", *spent)
    await session(store, "s_a", *spent)  # a repeat is not paid twice

    [info] = await store.index.recent()

    assert info.usage == Usage(input_tokens=10, output_tokens=7, cache_read_tokens=5, estimated=True)
    assert info.cost == Cost(usd=Decimal("0.123"), known=False)


async def test_a_listing_knows_times_turns_and_length(store: KeptStore, clock: FakeClock) -> None:
    started = clock.now()
    await session(store, "s_a", TurnStarted(model="", limits=LIMITS), said("Hello"))
    clock.move(5)
    await session(store, "s_a", TurnStarted(model="", limits=LIMITS), turn=2)

    info = await store.index.find("s_a")

    assert (info.created_at, info.updated_at) == (started, started + 5)
    assert (info.turns, info.last_seq, info.model) == (2, 4, "openai/gpt-5")


async def test_a_turn_is_open_until_it_is_done(store: KeptStore) -> None:
    async def open_turn() -> int:
        return (await store.index.find("s_a")).open_turn

    await session(store, "s_a", TurnStarted(model="", limits=LIMITS), turn=3)
    assert await open_turn() == 3
    await session(store, "s_a", TurnFinished(outcome="limit", nonce="1"), turn=3)
    assert await open_turn() == 3
    await session(store, "s_a", TurnResumed(model="", limits=LIMITS, nonce="2"), turn=3)
    await session(store, "s_a", TurnFinished(outcome="done", nonce="3"), turn=3)
    assert await open_turn() == 0


async def test_the_model_is_the_one_last_chosen_or_used(store: KeptStore) -> None:
    await session(store, "s_a", ModelChosen(model="anthropic/claude", nonce="1"))
    assert (await store.index.find("s_a")).model == "anthropic/claude"

    await session(store, "s_a", TurnStarted(model="ollama/qwen", limits=LIMITS))
    assert (await store.index.find("s_a")).model == "ollama/qwen"


@pytest.mark.parametrize(
    ("parts", "title"),
    [
        ((TextPart(text="  Mend\n the\tparser \x1b[31m now "),), "Mend the parser \\x1b[31m now"),
        ((TextPart(text=" \n"), FilePart(name="notes.txt", text="…")), "notes.txt"),
        ((ImagePart(media_type="image/png", data=b"\x89PNG", name="shot.png"),), "shot.png"),
        ((TextPart(text="x" * 5_000),), "x" * 99 + "…"),
    ],
)
async def test_the_first_message_gives_the_title(store: KeptStore, parts: tuple[UserPart, ...], title: str) -> None:
    await session(store, "s_a", UserMessage(message_id="m1", parts=parts), said("Something else", "m2"))

    assert (await store.index.find("s_a")).title == title


async def test_a_name_given_by_a_person_stays_the_title(store: KeptStore) -> None:
    await session(store, "s_a", SessionRenamed(title="Parser work"), said("Mend the parser"))

    assert (await store.index.find("s_a")).title == "Parser work"


async def test_a_workspace_with_stray_bytes_in_its_path_is_listed_and_found(store: KeptStore) -> None:
    await session(store, "s_a", workspace="/caf\udce9")

    assert [info.workspace for info in await store.index.recent(workspace="/caf\udce9")] == ["/caf\udce9"]


@pytest.mark.parametrize("prefix", ["s_01jd9a", "01jd9a", " s_01jd9a\n", "s_01jd9axyz", "01jd9axyz"])
async def test_a_session_is_found_by_the_beginning_of_its_id(store: KeptStore, prefix: str) -> None:
    await session(store, "s_01jd9axyz")
    await session(store, "s_01jd9bxyz")

    assert (await store.index.find(prefix)).id == "s_01jd9axyz"


async def test_a_whole_id_is_never_ambiguous(store: KeptStore) -> None:
    await session(store, "s_01")
    await session(store, "s_012")

    assert (await store.index.find("s_01")).id == "s_01"
    assert (await store.index.find("01")).id == "s_01"


async def test_an_ambiguous_beginning_is_refused_and_names_the_candidates(store: KeptStore) -> None:
    for number in range(9):
        await session(store, f"s_01{number}")

    with pytest.raises(CherryError) as caught:
        await store.index.find("01")

    assert caught.value.kind is storage.AMBIGUOUS_SESSION
    assert "s_010, s_011, s_012, s_013, s_014, …" in caught.value.message


@pytest.mark.parametrize("prefix", ["", "  ", "s_", "s_9", "%", "_", "s_01'--", "\udce9", "\x00", "\U0010ffff"])
async def test_what_begins_no_id_is_unknown(store: KeptStore, prefix: str) -> None:
    await session(store, "s_01")

    with pytest.raises(CherryError) as caught:
        await store.index.find(prefix)

    assert caught.value.kind is storage.UNKNOWN_SESSION


async def test_a_search_finds_what_was_said_answered_done_and_named(store: KeptStore) -> None:
    await session(
        store,
        "s_a",
        said("Please mend the Flux capacitor"),
        answered("The capacitor is charged"),
        ToolStarted(call_id="c", tool="fs.edit", arguments={}, title="Edit src/capacitor.py", effect="edit"),
        SessionRenamed(title="Capacitor day"),
        turn=2,
    )

    found = await store.index.search("CAPACITOR")

    assert [(match.seq, match.turn) for match in found] == [(5, 2), (4, 2), (3, 2), (2, 2)]
    assert found[-1].excerpt == "Please mend the Flux capacitor"
    assert found[0].session == await store.index.find("s_a")


async def test_every_word_of_a_search_must_occur_as_a_part_of_a_word_too(store: KeptStore) -> None:
    await session(store, "s_a", said("red apples", "m1"), said("green apples", "m2"), said("red pears", "m3"))

    assert [match.seq for match in await store.index.search("apple red")] == [2]
    assert [match.seq for match in await store.index.search("le")] == [3, 2]
    assert await store.index.search("apple blue") == []


async def test_a_search_works_in_scripts_without_spaces_and_with_accents(store: KeptStore) -> None:
    await session(store, "s_a", said("请修复解析器中的错误", "m1"), said("Größe der ÄPFEL", "m2"))

    assert [match.seq for match in await store.index.search("解析器")] == [2]
    assert [match.seq for match in await store.index.search("修复")] == [2]
    assert [match.seq for match in await store.index.search("äpfel GRÖSSE")] == [3]


async def test_a_search_can_be_bound_to_a_workspace_and_a_number(store: KeptStore) -> None:
    for id, workspace in (("s_a", "/one"), ("s_b", "/two"), ("s_c", "/one")):
        await session(store, id, said("apples"), workspace=workspace)

    assert [match.session.id for match in await store.index.search("apples")] == ["s_c", "s_b", "s_a"]
    assert [match.session.id for match in await store.index.search("apples", workspace="/one")] == ["s_c", "s_a"]
    assert [match.session.id for match in await store.index.search("apples", limit=2)] == ["s_c", "s_b"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        '"',
        "'",
        "''; DROP TABLE events",
        "a*",
        "NEAR(",
        "AND OR NOT",
        "-",
        "{}:^",
        "\x00",
        "\udce9",
        "a" * 100_000,
        "ab " * 5_000,
    ],
)
async def test_no_query_breaks_a_search(store: KeptStore, query: str) -> None:
    await session(store, "s_a", said("quiet words"))

    assert await store.index.search(query) == []


@pytest.mark.parametrize("text", ['say "hello" twice', "it's 100% _sure_", "a*b AND (c)", "nul\x00nul", "caf\udce9"])
async def test_a_text_is_found_by_itself_whatever_it_holds(store: KeptStore, text: str) -> None:
    await session(store, "s_a", said(text))

    assert [match.seq for match in await store.index.search(text)] == [2]


async def test_an_excerpt_shows_the_place_on_one_line(store: KeptStore) -> None:
    await session(store, "s_a", said("filler " * 300 + "here is\nthe needle\x1b " + "filler " * 300))

    [match] = await store.index.search("needle")

    assert "here is the needle\\x1b" in match.excerpt
    assert match.excerpt.startswith("…")
    assert len(match.excerpt) <= 160
    assert "\n" not in match.excerpt


async def test_a_search_over_many_texts_finds_old_and_new_ones(store: KeptStore) -> None:
    await session(store, "s_a", *(said(f"message {number:05d}", f"m{number}") for number in range(3_100)))
    assert [match.seq for match in await store.index.search("message 00007")] == [9]

    await session(store, "s_b", said("message 99999"))
    assert [match.session.id for match in await store.index.search("99999")] == ["s_b"]
    assert [match.seq for match in await store.index.search("message", limit=3)] == [2, 3101, 3100]

    await store.index.delete("s_a")
    await session(store, "s_c", *(said(f"letter {number:05d}", f"m{number}") for number in range(1_100)))
    assert await store.index.search("00007 message") == []
    assert [match.session.id for match in await store.index.search("letter 00007")] == ["s_c"]


async def test_a_deleted_session_leaves_nothing(store: KeptStore) -> None:
    await session(store, "s_a", said("secret plan"))
    await session(store, "s_b", said("other plan"))

    await store.index.delete("s_a")

    assert [info.id for info in await store.index.recent()] == ["s_b"]
    assert [match.session.id for match in await store.index.search("plan")] == ["s_b"]
    with pytest.raises(CherryError) as caught:
        await store.log.last_seq("s_a")
    assert caught.value.kind is storage.UNKNOWN_SESSION
    await session(store, "s_a", said("a new beginning"))
    assert (await store.index.find("s_a")).last_seq == 2


async def test_a_session_somebody_works_on_is_not_deleted(store: KeptStore) -> None:
    await session(store, "s_a")
    await store.log.acquire("s_a", HOLDER, seconds=30)

    with pytest.raises(CherryError) as caught:
        await store.index.delete("s_a")

    assert caught.value.kind is storage.SESSION_BUSY
    assert await store.log.last_seq("s_a") == 1


async def test_deleting_an_unknown_session_says_so(store: KeptStore) -> None:
    with pytest.raises(CherryError) as caught:
        await store.index.delete("s_nowhere")
    assert caught.value.kind is storage.UNKNOWN_SESSION


async def test_a_whole_store_has_nothing_to_find_and_rebuilding_changes_nothing(store: KeptStore) -> None:
    await session(store, "s_a", TurnStarted(model="m", limits=LIMITS), said("apples"), answered("pears"))
    await session(store, "s_b", said("plums"), workspace="/caf\udce9")
    before = await store.index.recent(), await store.index.search("p")

    report = await store.check()
    assert (report.sessions, report.events, report.findings) == (2, 6, ())
    assert await store.rebuild() == 2

    assert (await store.index.recent(), await store.index.search("p")) == before
