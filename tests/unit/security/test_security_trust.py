"""Trust is bound to content."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from cherry.security.trust import TrustStore, trust_subject


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    for name in (
        ".cherry/config.toml",
        ".cherry/hooks/pre.sh",
        ".cherry/agents/deep/a.yaml",
        "AGENTS.md",
        "src/main.py",
        ".mcp.json",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> TrustStore:
    return TrustStore(tmp_path / "data/deep/trust.json")


def test_what_needs_trust_is_listed_with_its_kind(workspace: Path) -> None:
    assert [(item.path, item.kind) for item in trust_subject(workspace).items] == [
        (".cherry/agents/deep/a.yaml", "agent"),
        (".cherry/config.toml", "config"),
        (".cherry/hooks/pre.sh", "hook"),
        (".mcp.json", "mcp"),
        ("AGENTS.md", "instructions"),
    ]


def test_a_fresh_workspace_is_not_trusted_and_one_without_content_is(
    workspace: Path, store: TrustStore, tmp_path: Path
) -> None:
    assert not store.is_trusted(trust_subject(workspace))
    (tmp_path / "empty").mkdir()
    assert store.is_trusted(trust_subject(tmp_path / "empty"))


def test_trust_is_kept_for_exactly_this_content(workspace: Path, store: TrustStore, tmp_path: Path) -> None:
    store.trust(trust_subject(workspace))
    assert TrustStore(tmp_path / "data/deep/trust.json").is_trusted(trust_subject(workspace))
    (workspace / "src/main.py").write_text("other")
    assert store.is_trusted(trust_subject(workspace))


CHANGES: dict[str, Callable[[Path], object]] = {
    "a byte changed": lambda w: (w / ".cherry/config.toml").write_text("content of .cherry/config.tomL"),
    "a file added": lambda w: (w / ".cherry/hooks/new.sh").write_text("x"),
    "a file removed": lambda w: (w / "AGENTS.md").unlink(),
    "a file renamed": lambda w: (w / ".cherry/hooks/pre.sh").rename(w / ".cherry/hooks/post.sh"),
    "two contents exchanged": lambda w: [
        (w / "AGENTS.md").write_text("content of .mcp.json"),
        (w / ".mcp.json").write_text("content of AGENTS.md"),
    ],
    "a file replaced by a link": lambda w: [
        (w / ".mcp.json").rename(w / "elsewhere"),
        (w / ".mcp.json").symlink_to("elsewhere"),
    ],
    "a folder replaced by a link": lambda w: [
        (w / ".cherry/hooks").rename(w / "h"),
        (w / ".cherry/hooks").symlink_to("../h"),
    ],
    "a file that cannot be read": lambda w: [(w / ".mcp.json").unlink(), os.mkfifo(w / ".mcp.json")],
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_takes_trust_away(workspace: Path, store: TrustStore, change: str) -> None:
    store.trust(trust_subject(workspace))
    CHANGES[change](workspace)
    now = trust_subject(workspace)
    assert not store.is_trusted(now)
    assert store.changed(now)


def test_what_changed_is_named(workspace: Path, store: TrustStore) -> None:
    store.trust(trust_subject(workspace))
    (workspace / ".mcp.json").write_text("{}")
    (workspace / ".cherry/config.yaml").write_text("{}")
    assert store.changed(trust_subject(workspace)) == (".cherry/config.yaml", ".mcp.json")


def test_changes_behind_a_link_count(workspace: Path, store: TrustStore) -> None:
    (workspace / "real.json").write_text("1")
    (workspace / ".mcp.json").unlink()
    (workspace / ".mcp.json").symlink_to("real.json")
    store.trust(trust_subject(workspace))
    assert store.is_trusted(trust_subject(workspace))
    (workspace / "real.json").write_text("2")
    assert not store.is_trusted(trust_subject(workspace))


def test_another_workspace_with_the_same_content_is_not_trusted(
    workspace: Path, store: TrustStore, tmp_path: Path
) -> None:
    store.trust(trust_subject(workspace))
    workspace.rename(tmp_path / "moved")
    assert not store.is_trusted(trust_subject(tmp_path / "moved"))


def test_trust_can_be_taken_back(workspace: Path, store: TrustStore) -> None:
    store.trust(trust_subject(workspace))
    store.forget(workspace)
    assert not store.is_trusted(trust_subject(workspace))


def test_the_store_is_readable_by_its_owner_only(workspace: Path, store: TrustStore, tmp_path: Path) -> None:
    store.trust(trust_subject(workspace))
    file = tmp_path / "data/deep/trust.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["trust.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"workspaces": []}', '{"workspaces": {"x": 1}}', "\x00\xff"])
def test_a_damaged_store_trusts_nothing_and_can_be_written_again(workspace: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "trust.json").write_text(content, encoding="latin-1")
    store = TrustStore(tmp_path / "trust.json")
    assert not store.is_trusted(trust_subject(workspace))
    store.trust(trust_subject(workspace))
    assert store.is_trusted(trust_subject(workspace))


def test_a_link_that_leads_out_is_listed_but_not_followed(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.json").write_text("secret")
    (workspace / ".mcp.json").unlink()
    (workspace / ".mcp.json").symlink_to(tmp_path / "outside.json")
    (workspace / "AGENTS.md").unlink()
    (workspace / "AGENTS.md").symlink_to("AGENTS.md")
    digests = {item.path: item.digest for item in trust_subject(workspace).items}
    assert digests[".mcp.json"] == "unreadable"
    assert "AGENTS.md" not in digests
