"""A command may read a workspace's `.env`; nobody else gets to see what stands there."""

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, ToolCall

PASSWORD = "hunter2-Correct9-stays"


def test_what_a_command_prints_of_a_workspaces_secrets_reaches_nobody(cherry: Program) -> None:
    cherry.write(".env", f"DB_PASSWORD={PASSWORD}\n")
    command = "printf 'the password is hunter2-Corr'; sleep 0.2; echo 'ect9-stays'; base64 < .env; cat .env; exit 3"
    with provider(Script(ToolCall("shell.run", {"command": command}), "Done.")) as double:
        ended = cherry.run("run", "--json", "--yes", "show it", double=double)
        assert ended.code == 0
        assert "[redacted: DB_PASSWORD of .env]" in str(double.model_requests[-1].body)
        assert PASSWORD not in str(double.model_requests[-1].body)
    assert PASSWORD not in ended.raw.decode() + ended.err
    exported = cherry.run("sessions", "export").out
    assert PASSWORD not in exported
    kept = [path for path in cherry.home.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert kept == []
