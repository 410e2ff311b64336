"""Every command of the guide on data runs as it stands there, one after the other, on real sessions."""

import re
import shlex
import subprocess
from pathlib import Path

from cherry.testing.program import Program, command, provider
from cherry.testing.scripts import Script, ToolCall

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "data.md"


def commands() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_guide_run(tmp_path: Path) -> None:
    with Program(tmp_path) as cherry:
        with provider(Script(ToolCall("fs.write", {"path": "a.txt", "content": "a\n"}), "Done.")) as double:
            assert cherry.run("run", "--yes", "write a file", double=double).code == 0
        blocks = commands()
        assert len(blocks) == 7
        for block in blocks:
            script = f'cherry() {{ {shlex.join(command())} "$@"; }}\n{block}'
            done = subprocess.run(
                ["bash", "-euc", script],
                cwd=cherry.workspace,
                env=cherry.environ,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
            if "sessions list" in block:
                assert "write a file" in done.stdout
        assert len(list((cherry.workspace / "backups").iterdir())) == 2
