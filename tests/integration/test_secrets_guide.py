"""Every command of the guide on keys runs as it stands there, one after the other."""

import re
import shlex
import subprocess
from pathlib import Path

from cherry.testing.program import Program, command

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "secrets.md"


def commands() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_guide_run(tmp_path: Path) -> None:
    with Program(tmp_path) as cherry:
        cherry.write("key.txt", "sk-of-the-guide-0815\n")
        blocks = commands()
        assert len(blocks) == 6
        shown = ""
        for block in blocks:
            script = f'cherry() {{ {shlex.join(command())} "$@"; }}\n{block}'
            done = subprocess.run(
                ["bash", "-euc", script],
                cwd=cherry.workspace,
                env=cherry.environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
            shown += done.stdout + done.stderr
        assert "OPENAI_API_KEY  OpenAI" in shown
        assert "sk-of-the-guide" not in shown
        assert cherry.run("secrets", "list").out.startswith("No keys are kept")
