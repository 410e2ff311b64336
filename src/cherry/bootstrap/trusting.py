"""Trust of workspaces as the command line shows and changes it."""

from pathlib import Path

from cherry.cli.wiring import TrustItem, TrustReport
from cherry.security.trust import TrustStore, TrustSubject, trust_subject

SHOWN_BYTES = 1_000_000


class WorkspaceTrust:
    """Implements `cherry.cli.wiring.TrustDesk`. What is trusted is the content that was reported, not what stands there later."""

    def __init__(self, store: TrustStore) -> None:
        self._store = store
        self._reported: dict[Path, TrustSubject] = {}

    def is_trusted(self, workspace: Path) -> bool:
        return self._store.is_trusted(trust_subject(workspace))

    def report(self, workspace: Path) -> TrustReport:
        subject = trust_subject(workspace)
        self._reported[subject.workspace] = subject
        items = tuple(
            TrustItem(item.path, item.kind, _content(subject.workspace / item.path)) for item in subject.items
        )
        return TrustReport(subject.workspace, self._store.is_trusted(subject), items)

    def trust(self, report: TrustReport) -> None:
        self._store.trust(self._reported[report.workspace])

    def trust_own(self, workspace: Path) -> None:
        """What the user's own command has just written."""
        self._store.trust(trust_subject(workspace))

    def trust_change(self, workspace: Path, path: str) -> bool:
        """Trust what Cherry has just written or removed at this path, and nothing else; False when something else changed too."""
        subject = trust_subject(workspace)
        if set(self._store.changed(subject)) - {path}:
            return False
        self._store.trust(subject)
        return True

    def revoke(self, workspace: Path) -> None:
        self._store.forget(workspace)


def _content(path: Path) -> str:
    try:
        if not path.is_file() or path.is_symlink():
            return "(not a regular file)"
        with path.open("rb") as file:
            head = file.read(SHOWN_BYTES + 1)
            cut = "\n(… longer than can be shown: look at the file itself)" if len(head) > SHOWN_BYTES else ""
            return head[:SHOWN_BYTES].decode("utf-8", "replace") + cut
    except OSError as error:
        return f"(cannot be read: {error.strerror})"
