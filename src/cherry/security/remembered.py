"""Rules a person had remembered for always: one JSON file in Cherry's data folder, by workspace, readable by its owner only."""

import json
import os
from contextlib import suppress
from pathlib import Path

from cherry.domain.errors import CherryError
from cherry.security.policy import Rule, parse_rule
from cherry.security.private_files import write_private

_VERSION = 1


class RememberedRules:
    def __init__(self, file: Path, workspace: Path) -> None:
        self._file = file
        self._workspace = os.path.realpath(workspace)

    def rules(self) -> list[Rule]:
        """What cannot be read is not allowed: a damaged file or line remembers nothing."""
        kept = []
        for text in self._load().get(self._workspace, []):
            with suppress(CherryError):
                kept.append(parse_rule(text, where=str(self._file)))
        return kept

    def keep(self, rule: str) -> None:
        """Raises OSError when the file cannot be written."""
        entries = self._load()
        known = entries.setdefault(self._workspace, [])
        if rule not in known:
            known.append(rule)
            self._save(entries)

    def _load(self) -> dict[str, list[str]]:
        with suppress(OSError, ValueError, AttributeError):
            entries = json.loads(self._file.read_text("utf-8")).get("workspaces", {})
            return {path: [str(rule) for rule in rules] for path, rules in entries.items() if isinstance(rules, list)}
        return {}

    def _save(self, entries: dict[str, list[str]]) -> None:
        content = json.dumps({"version": _VERSION, "workspaces": entries}, indent=1, sort_keys=True)
        write_private(self._file, content)
