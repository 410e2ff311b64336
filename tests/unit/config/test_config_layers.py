"""Which layer wins, and how every value tells where it came from."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from cherry.config.explain import HIDDEN, explain
from cherry.config.loader import Flag, Loaded, load
from cherry.config.sources import LayerKind
from cherry.domain.errors import CherryError, config
from cherry.kernel.paths import home_folders


class Machine:
    """A user's folders and a workspace."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.workspace = root / "work"
        self.folders = home_folders({"CHERRY_HOME": str(self.home)})
        self.folders.config.mkdir(parents=True)
        (self.workspace / ".cherry").mkdir(parents=True)

    def user(self, text: str, name: str = "config.toml") -> Path:
        path = self.folders.config / name
        path.write_text(text)
        return path

    def project(self, text: str, name: str = "config.toml") -> Path:
        path = self.workspace / ".cherry" / name
        path.write_text(text)
        return path

    def load(
        self, *, trusted: bool = False, environ: dict[str, str] | None = None, flags: tuple[Flag, ...] = ()
    ) -> Loaded:
        return load(
            folders=self.folders,
            environ=environ or {},
            workspace=self.workspace,
            project_trusted=trusted,
            flags=flags,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_any_file_everything_is_a_default(machine: Machine) -> None:
    loaded = machine.load()
    assert loaded.settings.limits.max_steps == 100
    assert loaded.setting("limits", "max_steps").source.layer is LayerKind.DEFAULT
    assert loaded.notices == ()
    assert not [row for row in explain(loaded) if row.given]


def test_each_layer_wins_over_the_ones_before_it_and_is_named(machine: Machine) -> None:
    user = machine.user("[limits]\nmax_steps = 1\nmax_tokens = 9\nmax_seconds = 9\nmax_cost_usd = 9\n")
    project = machine.project("[limits]\nmax_tokens = 2\nmax_seconds = 2\nmax_cost_usd = 2\n")
    (machine.folders.config / ".env").write_text("CHERRY_LIMITS__MAX_SECONDS=3\nCHERRY_LIMITS__MAX_COST_USD=3\n")
    loaded = machine.load(
        trusted=True,
        environ={"CHERRY_LIMITS__MAX_COST_USD": "4"},
        flags=(Flag(("model", "default"), "a/b", "--model"),),
    )
    limits = loaded.settings.limits
    assert (limits.max_steps, limits.max_tokens, limits.max_seconds, limits.max_cost_usd) == (1, 2, 3.0, Decimal(4))
    sources = {row.key: str(row.source) for row in explain(loaded) if row.given}
    assert sources == {
        "model.default": "option --model",
        "limits.max_steps": f"{user}:2",
        "limits.max_tokens": f"{project}:2",
        "limits.max_seconds": f"{machine.folders.config / '.env'}:1 CHERRY_LIMITS__MAX_SECONDS",
        "limits.max_cost_usd": "environment CHERRY_LIMITS__MAX_COST_USD",
    }


def test_an_untrusted_project_file_is_ignored_and_said_even_when_it_is_broken(machine: Machine) -> None:
    project = machine.project("[limits\nmax_steps = 99999")
    loaded = machine.load(trusted=False)
    assert loaded.settings.limits.max_steps == 100
    assert loaded.project_file == project
    assert "not trusted" in loaded.notices[0]
    assert str(project) in loaded.notices[0]


def test_two_files_in_an_untrusted_project_are_no_error_either(machine: Machine) -> None:
    machine.project("")
    machine.project("", "config.yaml")
    assert len(machine.load(trusted=False).notices) == 1
    with pytest.raises(CherryError):
        machine.load(trusted=True)


def test_what_is_no_regular_file_is_no_configuration(machine: Machine) -> None:
    os.mkfifo(machine.folders.config / "config.toml")
    (machine.workspace / ".cherry" / "config.toml").mkdir()
    assert machine.load(trusted=True).notices == ()


def test_rules_of_a_project_come_after_the_users_own_and_never_replace_them(machine: Machine) -> None:
    user = machine.user('[[approvals.rules]]\ntool = "shell.run"\naction = "deny"\n')
    project = machine.project('[[approvals.rules]]\ntool = "fs.*"\naction = "allow"\n')
    loaded = machine.load(trusted=True)
    assert [rule.tool for rule in loaded.settings.approvals.rules] == ["shell.run", "fs.*"]
    assert loaded.source("approvals", "rules", "0").file == user
    assert loaded.source("approvals", "rules", "1").file == project


def test_a_wrong_value_names_file_line_key_what_was_given_and_what_is_expected(machine: Machine) -> None:
    user = machine.user("# limits of mine\n[limits]\n\nmax_steps = 'many'\n")
    with pytest.raises(CherryError) as caught:
        machine.load()
    assert caught.value.kind is config.BAD_VALUE
    assert caught.value.message == f'limits.max_steps is "many" ({user}:4): expected a whole number.'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limits:\n  max_steps: 0\n", ":2): expected 1 or more"),
        ("limits:\n  max_steps: true\n", ":2): expected a whole number"),
        ("limits:\n  max_steps: 1.5\n", ":2): expected a whole number"),
        ("limits: 7\n", ":1): expected a table of settings"),
        ("limits:\n  max_seconds: soon\n", ":2): expected a time such as 90"),
        ("limits:\n  max_cost_usd: .nan\n", ":2): expected a sum of US dollars"),
        ("sandbox:\n  required: perhaps\n", ":2): expected true, false or auto"),
        ("sandbox:\n  memory: -1\n", ":2): expected a size such as"),
        ("ui:\n  colour: blue\n", ":2): expected 'auto', 'always' or 'never'"),
        ("approvals:\n  rules:\n    - tool: x\n      action: perhaps\n", ":4): expected 'allow', 'ask' or 'deny'"),
        ("approvals:\n  rules:\n    - tool: x\n", ":3): expected a value"),
        ("gateway:\n  prices:\n    openai/gpt-5:\n      input: free\n      output: 1\n", ":4): expected a sum"),
        ("validation:\n  commands: ruff\n", ":2): expected a list"),
    ],
)
def test_wrong_values_are_told_with_their_line(machine: Machine, text: str, said: str) -> None:
    machine.user(text, "config.yaml")
    with pytest.raises(CherryError) as caught:
        machine.load()
    assert caught.value.kind is config.BAD_VALUE
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("text", "key", "guess"),
    [
        ("[limits]\nmax_step = 3\n", "limits.max_step", "limits.max_steps"),
        ("[limit]\nmax_steps = 3\n", "limit", "limits"),
        ("max_steps = 3\n", "max_steps", "limits.max_steps"),
        ('[gateway.providers.mine]\nurl = "x"\n', "gateway.providers.mine.url", ""),
        (
            '[gateway.providers.mine]\nbase-url = "x"\n',
            "gateway.providers.mine.base-url",
            "gateway.providers.mine.base_url",
        ),
        (
            "[[approvals.rules]]\ncomand = 'x'\naction = 'deny'\n",
            "approvals.rules.0.comand",
            "approvals.rules.0.command",
        ),
    ],
)
def test_an_unknown_key_is_refused_and_the_nearest_name_suggested(
    machine: Machine, text: str, key: str, guess: str
) -> None:
    machine.user(text)
    with pytest.raises(CherryError) as caught:
        machine.load()
    assert caught.value.kind is config.UNKNOWN_KEY
    assert key in caught.value.message
    assert guess in caught.value.next_step


def test_two_configuration_files_in_one_folder_are_refused(machine: Machine) -> None:
    machine.user("")
    machine.user("", "config.yaml")
    with pytest.raises(CherryError) as caught:
        machine.load()
    assert caught.value.kind is config.BAD_FILE
    assert "config.toml and config.yaml" in caught.value.message


def test_quantities_are_read_as_people_write_them(machine: Machine) -> None:
    machine.user(
        '[limits]\nmax_seconds = "1h30m"\nmax_cost_usd = 0.10\n[sandbox]\nmemory = "512M"\nrequired = "auto"\n'
    )
    settings = machine.load().settings
    assert settings.limits.max_seconds == 5400
    assert settings.limits.max_cost_usd == Decimal("0.1")
    assert settings.sandbox.memory == 512 << 20
    assert settings.limits.for_turn().max_cost_usd == Decimal("0.1")


def test_headers_and_request_fields_of_providers_are_never_shown(machine: Machine) -> None:
    machine.user('[gateway.providers.mine]\nbase_url = "http://x"\nheaders = { Authorization = "Bearer s3cret" }\n')
    rows = {row.key: row.value for row in explain(machine.load())}
    assert rows["gateway.providers.mine.headers"] == f'{{ Authorization = "{HIDDEN}" }}'
    assert "s3cret" not in str(rows)


def test_a_wrong_secret_is_not_printed_with_the_complaint(machine: Machine) -> None:
    machine.user('[gateway.providers.mine]\nheaders = { Authorization = ["s3cret"] }\n')
    with pytest.raises(CherryError) as caught:
        machine.load()
    assert "s3cret" not in caught.value.message
    assert "config.toml:2" in caught.value.message


def test_prices_and_providers_have_free_names(machine: Machine) -> None:
    machine.user('[gateway.prices."openai/gpt-5"]\ninput = 1.25\noutput = 10\n')
    loaded = machine.load()
    assert loaded.settings.gateway.prices["openai/gpt-5"].input == Decimal("1.25")
    assert 'gateway.prices."openai/gpt-5".output' in {row.key for row in explain(loaded)}


def test_a_project_may_lower_the_users_limits_and_never_raise_them(machine: Machine) -> None:
    machine.user("[limits]\nmax_steps = 50\nday_cost_usd = 2\n")
    project = machine.project(
        '[limits]\nmax_steps = 500\nmax_seconds = "10m"\nday_cost_usd = "3"\nsession_cost_usd = 1\nmax_tokens = 9\n'
    )
    loaded = machine.load(trusted=True)
    limits = loaded.settings.limits
    assert (limits.max_steps, limits.day_cost_usd) == (50, Decimal(2))
    assert (limits.max_seconds, limits.session_cost_usd, limits.max_tokens) == (600, Decimal(1), 9)
    assert len(loaded.notices) == 2
    assert loaded.notices[0].startswith(f"limits.max_steps = 500 in {project}:2 is passed over")
    assert "yours is 50" in loaded.notices[0]
    assert "cherry config set limits.day_cost_usd 3" in loaded.notices[1]


def test_a_project_cannot_raise_what_is_only_the_default(machine: Machine) -> None:
    machine.project('[limits]\nmax_steps = 101\nmax_seconds = "2h"\n')
    loaded = machine.load(trusted=True)
    assert (loaded.settings.limits.max_steps, loaded.settings.limits.max_seconds) == (100, 3600)
    assert len(loaded.notices) == 2
    raised = machine.load(trusted=True, environ={"CHERRY_LIMITS__MAX_STEPS": "300"})
    assert raised.settings.limits.max_steps == 300, "the user's own variable is the user's decision"


def test_prices_are_the_users_to_set(machine: Machine) -> None:
    project = machine.project(
        '[gateway.prices."openai/gpt-5"]\ninput = 0\noutput = 0\n'
        '[gateway.providers.openai]\nprices_of = "free"\nmodels = ["gpt-5"]\n[gateway.retries]\nattempts = 2\n'
    )
    loaded = machine.load(trusted=True)
    gateway = loaded.settings.gateway
    assert gateway.prices == {}
    assert (gateway.providers["openai"].prices_of, gateway.providers["openai"].models) == ("", ("gpt-5",))
    assert gateway.retries.attempts == 2
    assert loaded.notices == (f"What {project} says of prices is passed over: prices are yours to set.",)
