"""What importing and making a gateway costs: no HTTP, no certificates, before the first call."""

import subprocess
import sys

PROGRAM = """
import sys
from cherry.gateway.gateway import ModelGateway
from cherry.gateway.settings import GatewaySettings
from cherry.domain.prompts import ModelRef
ModelGateway(GatewaySettings(), environ={"OPENAI_API_KEY": "k"}).facts(ModelRef("openai", "gpt-5"))
print("\\n".join(sys.modules))
"""


def test_a_gateway_is_made_without_loading_any_http() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    heavy = {"httpx2", "httpcore2", "h11", "anyio", "http.client", "yaml", "rich"}
    assert not loaded & (heavy | {"cherry.gateway.http", "cherry.gateway.dial"})
    # asyncio itself brings in `ssl` on this Python; what costs is a context with its certificates, made in `dial` only.
