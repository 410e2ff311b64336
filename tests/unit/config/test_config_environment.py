"""What the environment and a `.env` may say."""

from pathlib import Path

import pytest

from cherry.config.loader import Loaded, load
from cherry.config.sources import LayerKind
from cherry.domain.errors import CherryError, config
from cherry.kernel.paths import home_folders


def loaded(tmp_path: Path, environ: dict[str, str], dotenv: str = "", *, user: str = "") -> Loaded:
    folders = home_folders({"CHERRY_HOME": str(tmp_path / "home")})
    folders.config.mkdir(parents=True)
    if dotenv:
        (folders.config / ".env").write_text(dotenv)
    if user:
        (folders.config / "config.toml").write_text(user)
    return load(folders=folders, environ=environ, workspace=tmp_path)


def test_nested_names_become_settings(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        {
            "CHERRY_LIMITS__MAX_STEPS": "7",
            "CHERRY_MODEL": "openai/gpt-5",
            "CHERRY_DEBUG": "1",
            "CHERRY_VALIDATION__COMMANDS": '["ruff check ."]',
            "CHERRY_GATEWAY__PROVIDERS__LOCAL__BASE_URL": "http://localhost:1/v1",
            "CHERRY_HOME": "/elsewhere",
            "CHERRY_TOOLS__TIMEOUT": "",
        },
    ).settings
    assert settings.limits.max_steps == 7
    assert settings.model.default == "openai/gpt-5"
    assert settings.log.debug is True
    assert settings.validation.commands == ("ruff check .",)
    assert settings.gateway.providers["local"].base_url == "http://localhost:1/v1"
    assert settings.tools.timeout == 120


def test_a_wrong_value_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(CherryError) as caught:
        loaded(tmp_path, {"CHERRY_LIMITS__MAX_STEPS": "many"})
    assert caught.value.kind is config.BAD_VALUE
    assert "environment CHERRY_LIMITS__MAX_STEPS" in caught.value.message


def test_an_unknown_nested_name_is_refused_but_a_foreign_one_only_noticed(tmp_path: Path) -> None:
    with pytest.raises(CherryError) as caught:
        loaded(tmp_path / "a", {"CHERRY_LIMITS__MAX_STEP": "3"})
    assert "limits.max_steps" in caught.value.next_step
    noticed = loaded(tmp_path / "b", {"CHERRY_BENCH_ROUNDS": "3"})
    assert "CHERRY_BENCH_ROUNDS is not a setting" in noticed.notices[0]


def test_platform_names_count_but_are_weaker_than_everything_said_to_cherry_itself(tmp_path: Path) -> None:
    environ = {"LOG_LEVEL": "DEBUG", "DEFAULT_MODEL_PROVIDER": "deepseek"}
    by_itself = loaded(tmp_path / "a", environ)
    assert by_itself.settings.log.level == "debug"
    assert by_itself.settings.model.provider == "deepseek"
    assert str(by_itself.source("log", "level")) == "environment LOG_LEVEL"
    with_file = loaded(tmp_path / "b", environ, user='[log]\nlevel = "error"\n')
    assert with_file.settings.log.level == "error"


def test_a_platform_value_meant_for_another_program_is_passed_over(tmp_path: Path) -> None:
    result = loaded(tmp_path, {"LOG_LEVEL": "trace2"})
    assert result.settings.log.level == "warning"
    assert "LOG_LEVEL" in result.notices[0]


def test_names_without_a_meaning_yet_are_listed_and_nothing_is_done_with_them(tmp_path: Path) -> None:
    result = loaded(tmp_path, {"DATABASE_URL": "postgres://app", "SERVER_HOST": "0.0.0.0"})
    assert [variable.name for variable in result.unused] == ["DATABASE_URL", "SERVER_HOST"]
    assert result.settings.storage.folder == ""


def test_the_dotenv_of_the_user_gives_settings_and_keys_and_nothing_else(tmp_path: Path) -> None:
    result = loaded(
        tmp_path,
        {"OPENAI_API_KEY": "from-shell"},
        "# mine\nexport CHERRY_LIMITS__MAX_STEPS=9  # few\nOPENAI_API_KEY='from-file'\n"
        'ANTHROPIC_API_KEY="quoted"\nPATH=/evil\nnot a line\n',
    )
    assert result.settings.limits.max_steps == 9
    assert result.source("limits", "max_steps").layer is LayerKind.DOTENV
    assert result.source("limits", "max_steps").line == 2
    assert result.environ["OPENAI_API_KEY"] == "from-shell"
    assert result.environ["ANTHROPIC_API_KEY"] == "quoted"
    assert "PATH" not in result.environ
    assert "PATH means nothing to Cherry" in result.notices[0]
    assert ":6 is not NAME=value" in result.notices[1]


def test_a_dotenv_in_the_workspace_is_never_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CHERRY_LIMITS__MAX_STEPS=1\nOPENAI_BASE_URL=http://evil\n")
    result = loaded(tmp_path, {})
    assert result.settings.limits.max_steps == 100
    assert "OPENAI_BASE_URL" not in result.environ
