"""Which providers there are, what a model's name means, and what is used when nobody names one."""

from decimal import Decimal
from typing import Any

import pytest

from cherry.domain.errors import config
from cherry.domain.errors import gateway as rows
from cherry.domain.errors.base import CherryError
from cherry.domain.prompts import ModelRef
from cherry.gateway.gateway import ModelGateway
from cherry.gateway.providers.catalogue import BUILT_IN
from cherry.gateway.providers.discovery import LOCAL_SECONDS, Choice, choose_default, find, resolve
from cherry.gateway.providers.provider import Provider, Secret, set_up
from cherry.gateway.settings import GatewaySettings, ProviderSettings

KEY = {"OPENAI_API_KEY": "sk-1"}


def providers(environ: dict[str, str] | None = None, **entries: Any) -> tuple[Provider, ...]:
    entries = {name.replace("_", "-") if name == "lm_studio" else name: entry for name, entry in entries.items()}
    return set_up(environ or {}, GatewaySettings.model_validate({"providers": entries}))


def one(name: str, environ: dict[str, str] | None = None, **entries: Any) -> Provider:
    provider = find(name, providers(environ, **entries))
    assert provider
    return provider


def meant(text: str, environ: dict[str, str] | None = None, **entries: Any) -> str:
    gateway = ModelGateway(GatewaySettings.model_validate({"providers": entries}), environ=environ or {})
    return str(gateway.resolve(text))


class Listing:
    """Answers what each provider lists, and remembers who was asked and how long it may take."""

    def __init__(self, **models: list[str]) -> None:
        self.models = models
        self.asked: dict[str, float] = {}

    async def __call__(self, provider: Provider, seconds: float) -> list[str]:
        self.asked[provider.name] = seconds
        return self.models.get(provider.name, [])


async def chosen(listing: Listing, environ: dict[str, str] | None = None, **entries: Any) -> str:
    choice = await choose_default(providers(environ, **entries), listing)
    return str(choice.model) if choice else ""


def test_a_key_is_shown_nowhere() -> None:
    provider = one("openai", KEY)
    assert "sk-1" not in repr(provider)
    assert provider.key.reveal() == "sk-1"
    assert not Secret("")


def test_openai_speaks_responses_at_home_and_chat_completions_elsewhere() -> None:
    assert one("openai", KEY).wire == "openai-responses"
    elsewhere = one("openai", {"OPENAI_BASE_URL": "http://localhost:8000/v1/"})
    assert (elsewhere.wire, elsewhere.base_url) == ("openai-chat", "http://localhost:8000/v1")
    assert not elsewhere.quirks.cache_key
    assert one("openai", KEY, openai={"wire": "openai-chat"}).wire == "openai-chat"
    explicit = {**KEY, "OPENAI_BASE_URL": "https://api.openai.com/v1/"}
    assert one("openai", explicit).wire == "openai-responses"


def test_a_base_url_of_openai_without_a_key_is_enough() -> None:
    provider = one("openai", {"OPENAI_BASE_URL": "http://localhost:8000/v1"})
    assert provider.usable
    assert provider.chosen_by == "OPENAI_BASE_URL"


def test_a_provider_without_its_key_says_which_to_set_and_where_to_get_it() -> None:
    problem = one("anthropic").problem
    assert problem
    assert problem.kind is rows.NO_PROVIDER
    assert "ANTHROPIC_API_KEY" in problem.next_step
    assert "console.anthropic.com" in problem.next_step


@pytest.mark.parametrize("key", ["sk with space", "sk-ä", "sk\n1"])
def test_a_key_that_cannot_be_one_is_refused_before_anything_is_sent(key: str) -> None:
    problem = one("openai", {"OPENAI_API_KEY": key}).problem
    assert problem
    assert problem.kind is rows.AUTH
    assert key not in problem.message


def test_space_around_a_key_does_no_harm() -> None:
    assert one("openai", {"OPENAI_API_KEY": " sk-1\n"}).key.reveal() == "sk-1"


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:port", "///"])
def test_an_address_that_is_none_is_an_error_only_when_it_is_used(url: str) -> None:
    problem = one("openai", {**KEY, "OPENAI_BASE_URL": url}).problem
    assert problem
    assert problem.kind is config.BAD_VALUE
    assert "OPENAI_BASE_URL" in problem.message


@pytest.mark.parametrize(
    ("name", "environ", "url"),
    [
        ("openai", {"OPENAI_BASE_URL": "localhost:8000/v1"}, "http://localhost:8000/v1"),
        ("openai", {"OPENAI_BASE_URL": "proxy.example.com/v1"}, "https://proxy.example.com/v1"),
        ("anthropic", {"ANTHROPIC_BASE_URL": "https://proxy.test/v1/"}, "https://proxy.test"),
        ("ollama", {}, "http://127.0.0.1:11434"),
        ("ollama", {"OLLAMA_HOST": "gpu.lan"}, "http://gpu.lan:11434"),
        ("ollama", {"OLLAMA_HOST": "0.0.0.0"}, "http://127.0.0.1:11434"),
        ("ollama", {"OLLAMA_HOST": "0.0.0.0:9999"}, "http://127.0.0.1:9999"),
        ("ollama", {"OLLAMA_HOST": "http://gpu.lan:1/v1"}, "http://gpu.lan:1"),
        ("qwen", {"DASHSCOPE_API_KEY": "k"}, "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
        ("dashscope", {"QWEN_API_KEY": "k"}, "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
    ],
)
def test_addresses_are_brought_into_one_form(name: str, environ: dict[str, str], url: str) -> None:
    assert one(name, environ).base_url == url


def test_the_configuration_adds_a_provider_and_changes_one() -> None:
    entry = {
        "base_url": "https://router.test/api/v1",
        "api_key_env": "ROUTER_KEY",
        "models": ["big"],
        "headers": {"x-a": "1"},
    }
    added = one("router", {"ROUTER_KEY": "k"}, router=entry)
    assert (added.wire, added.auth, added.key.reveal()) == ("openai-chat", "bearer", "k")
    assert added.default_models == ("big",)
    lacking = one("router", {}, router=entry).problem
    assert lacking
    assert "ROUTER_KEY" in lacking.next_step
    keyless = one("mine", {}, mine={"base_url": "http://10.0.0.1/v1"})
    assert keyless.usable
    claude = one("corp", {}, corp={"base_url": "https://c.test/v1", "wire": "anthropic"})
    assert (claude.auth, claude.base_url, claude.spec.default_max_output) == ("x-api-key", "https://c.test", 32_000)
    changed = one("deepseek", {"OTHER": "k2"}, deepseek={"api_key_env": "OTHER", "base_url": "http://d.test"})
    assert (changed.key.reveal(), changed.base_url, changed.quirks.reasoning_required) == ("k2", "http://d.test", True)
    nowhere = one("nowhere", {}, nowhere={}).problem
    assert nowhere
    assert "gateway.providers" in nowhere.message or "nowhere" in nowhere.message


def test_every_built_in_provider_has_what_it_needs() -> None:
    names = [name for spec in BUILT_IN for name in (spec.name, *spec.other_names)]
    assert len(set(names)) == len(names)
    for provider in providers(
        {"DASHSCOPE_API_KEY": "k", "OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "DEEPSEEK_API_KEY": "k"}
    ):
        assert provider.usable
        assert provider.own_address
        assert provider.default_models or not provider.spec.needs_key


@pytest.mark.parametrize(
    ("text", "environ", "model"),
    [
        ("openai/gpt-5", {}, "openai/gpt-5"),
        ("dashscope/qwen-max", {}, "qwen/qwen-max"),
        ("ollama/library/qwen3:8b", {}, "ollama/library/qwen3:8b"),
        ("gpt-5", {}, "openai/gpt-5"),
        ("claude-opus-5-5", KEY, "anthropic/claude-opus-5-5"),
        ("deepseek-flash", {}, "deepseek/deepseek-flash"),
        ("qwen3-coder-plus", {}, "qwen/qwen3-coder-plus"),
        ("something-private", KEY, "openai/something-private"),
        ("mistral-7b", {"OPENAI_BASE_URL": "http://localhost:8000/v1"}, "openai/mistral-7b"),
        ("qwen/qwen3-coder", {"OPENAI_BASE_URL": "http://localhost:8000/v1"}, "openai/qwen/qwen3-coder"),
        ("mistralai/devstral", {"LMSTUDIO_BASE_URL": "http://localhost:1234/v1"}, "lmstudio/mistralai/devstral"),
        ("qwen/qwen3-coder", KEY, "qwen/qwen3-coder"),
    ],
)
def test_what_a_models_name_means(text: str, environ: dict[str, str], model: str) -> None:
    assert meant(text, environ) == model


def test_a_model_named_in_the_configuration_belongs_to_its_provider() -> None:
    entries = {"mine": {"base_url": "http://m.test/v1", "models": ["gpt-local"]}}
    assert meant("gpt-local", {}, **entries) == "mine/gpt-local"


@pytest.mark.parametrize("text", ["nobody/model", "wonder-1", ""])
def test_a_name_that_means_nothing_is_refused_with_the_providers_there_are(text: str) -> None:
    with pytest.raises(CherryError, match="openai") as caught:
        meant(text)
    assert caught.value.kind is rows.UNKNOWN_MODEL


def test_a_name_that_could_mean_two_is_refused_with_both() -> None:
    entries = {name: {"base_url": f"http://{name}.test/v1", "models": ["shared"]} for name in ("one", "two")}
    with pytest.raises(CherryError, match="one/shared, two/shared"):
        meant("shared", {}, **entries)


def test_a_bare_name_is_looked_up_in_the_facts_too() -> None:
    assert str(resolve("special", providers(KEY), lambda provider, model: provider == "openai")) == "openai/special"


async def test_the_first_provider_with_a_key_decides_without_asking_anybody() -> None:
    listing = Listing()
    assert await chosen(listing, {"DEEPSEEK_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}) == "anthropic/claude-sonnet-5-5"
    assert listing.asked == {}


async def test_a_server_at_another_address_is_asked_what_it_has() -> None:
    url = {"OPENAI_BASE_URL": "http://localhost:8000/v1"}
    assert await chosen(Listing(openai=["llama", "mistral"]), url) == "openai/llama"
    proxy = {"ANTHROPIC_BASE_URL": "http://proxy.test", "ANTHROPIC_API_KEY": "k"}
    assert await chosen(Listing(anthropic=["claude-a", "claude-opus-5-5"]), proxy) == "anthropic/claude-opus-5-5"
    assert await chosen(Listing(), proxy) == "anthropic/claude-sonnet-5-5"


async def test_local_servers_are_looked_for_only_when_nothing_is_set_up() -> None:
    listing = Listing(lmstudio=["qwen"], llamacpp=["llama"])
    assert await chosen(listing) == "lmstudio/qwen"
    assert listing.asked == dict.fromkeys(("ollama", "lmstudio", "llamacpp"), LOCAL_SECONDS)


async def test_nothing_at_all_is_no_choice() -> None:
    assert await chosen(Listing()) == ""


async def test_what_was_set_up_but_cannot_be_used_is_told_when_there_is_nothing_else() -> None:
    silent = {"OPENAI_BASE_URL": "http://localhost:8000/v1"}
    with pytest.raises(CherryError, match=r"OPENAI_BASE_URL is set, but .* \(http://localhost:8000/v1\)") as caught:
        await chosen(Listing(), silent)
    assert caught.value.kind is rows.NO_PROVIDER
    with pytest.raises(CherryError, match="OPENAI_BASE_URL") as caught:
        await chosen(Listing(), {"OPENAI_BASE_URL": "ftp://x"})
    assert caught.value.kind is config.BAD_VALUE
    assert await chosen(Listing(ollama=["qwen3"]), silent) == "ollama/qwen3"


async def test_the_setting_comes_before_the_variable_and_both_before_what_is_found() -> None:
    environ = {**KEY, "CHERRY_MODEL": "anthropic/claude-haiku-5-5"}
    named = ModelGateway(GatewaySettings(model="ollama/qwen3"), environ=environ)
    assert await named.default_model() == Choice(ModelRef("ollama", "qwen3"), "it is set as gateway.model")
    by_variable = await ModelGateway(GatewaySettings(), environ=environ).default_model()
    assert by_variable == Choice(ModelRef("anthropic", "claude-haiku-5-5"), "CHERRY_MODEL is set")
    found = await ModelGateway(GatewaySettings(), environ=KEY).default_model()
    assert found
    assert found.because == "OPENAI_API_KEY is set"


def test_facts_come_from_the_configuration_before_the_data() -> None:
    settings = GatewaySettings(providers={"openai": ProviderSettings(context_window=5000, images=False)})
    facts = ModelGateway(settings, environ=KEY).facts(ModelRef("openai", "gpt-5"))
    assert (facts.context_window, facts.images, facts.max_output, facts.priced) == (5000, False, 128_000, True)


def test_settings_load_from_plain_dicts() -> None:
    settings = GatewaySettings.model_validate(
        {"prices": {"a/b": {"input": "1.5", "output": 2}}, "deadlines": {"total": 5}, "replay": "x.jsonl"}
    )
    assert settings.prices["a/b"].input == Decimal("1.5")
    assert (settings.deadlines.total, settings.deadlines.connect) == (5, 10)
