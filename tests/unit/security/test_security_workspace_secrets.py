"""What a workspace's own files of settings say of secrets, and nothing else, is taken out of texts."""

from pathlib import Path

import pytest

from cherry.security.workspace_secrets import WorkspaceRedactor, secret_lines

PASSWORD = "hunter2-Correct9"
TOKEN = "q7Zk3mPx9vLw2nRt8sYb"

SECRET = [
    (f"DB_PASSWORD={PASSWORD}", [PASSWORD]),
    (f'export API_TOKEN="{TOKEN}"  # comment', [TOKEN]),
    (f"secret_key: '{PASSWORD}'", [PASSWORD]),
    (f"SESSION={TOKEN}", [TOKEN]),
    (f"//registry.npmjs.org/:_authToken={TOKEN}", [TOKEN]),
    (f"machine example.org login me password {PASSWORD}", [PASSWORD]),
    (f"DATABASE_URL=postgres://me:{PASSWORD}@db/app", [PASSWORD]),
    ("DATABASE_URL=postgres://me:p%40ss-Word-7@db/app", ["p%40ss-Word-7", "p@ss-Word-7"]),
]
HARMLESS = [
    "DEBUG=true",
    "PORT=8000",
    "HOST=localhost",
    "NODE_ENV=development",
    "PASSWORD=",
    "PASSWORD=changeme",
    "API_KEY=$OTHER",
    "KEY_FILE_KEY=/etc/ssl/key.pem",
    "URL=https://example.org/a/very/long/path-with-words-and-2-numbers",
    "VERSION=2024.11.21",
    "# PASSWORD=commented-out-99",
    "WELCOME_MESSAGE=hello",
    "registry=https://registry.npmjs.org/",
]


@pytest.mark.parametrize(("line", "values"), SECRET)
def test_a_secret_of_a_line_is_found(line: str, values: list[str]) -> None:
    assert [value for _, value in secret_lines(line)] == values


@pytest.mark.parametrize("line", HARMLESS)
def test_what_is_no_secret_is_left_alone(line: str) -> None:
    assert list(secret_lines(line)) == []


def test_changes_of_the_files_are_noticed(tmp_path: Path) -> None:
    redactor = WorkspaceRedactor(tmp_path, {"OPENAI_API_KEY": "sk-of-the-environment-1"})
    text = f"a {PASSWORD} b {TOKEN} c sk-of-the-environment-1"
    assert PASSWORD in redactor.redact(text)
    (tmp_path / ".env").write_text(f"DB_PASSWORD={PASSWORD}\n")
    assert redactor.redact(text) == f"a [redacted: DB_PASSWORD of .env] b {TOKEN} c [redacted: OPENAI_API_KEY]"
    (tmp_path / ".env.local").write_text(f"API_TOKEN={TOKEN}\n")
    assert TOKEN not in redactor.redact(text)
    (tmp_path / ".env").unlink()
    assert PASSWORD in redactor.redact(text)


def test_examples_links_and_what_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text(f"DB_PASSWORD={PASSWORD}\n")
    (tmp_path / "elsewhere").write_text(f"DB_PASSWORD={PASSWORD}\n")
    (tmp_path / ".env").symlink_to("elsewhere")
    (tmp_path / ".env.d").mkdir()
    assert PASSWORD in WorkspaceRedactor(tmp_path, {}).redact(PASSWORD)


def test_the_sources_of_this_repository_come_through_as_they_are() -> None:
    root = Path(__file__).parents[3]
    redactor = WorkspaceRedactor(root, {})
    for file in sorted((root / "src" / "cherry" / "agent").glob("*.py")):
        text = file.read_text(encoding="utf-8")
        assert redactor.redact(text) == text, file
