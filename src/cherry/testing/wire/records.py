"""What a wire double remembers of a request, and how programs are pointed at it."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from cherry.testing.scripts import SeenRequest

KEY = "sk-double"
"""The API key `environment` gives out."""

Provider = Literal["openai", "anthropic", "ollama", "deepseek", "qwen"]


@dataclass(slots=True)
class RecordedRequest:
    """One HTTP request and what became of it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes
    body: Any = None
    """Parsed JSON; None when there is none or it is broken."""
    api: str = ""
    """`chat`, `responses`, `messages`, `ollama`; empty for everything else."""
    seen: SeenRequest | None = None
    """The request in no provider's shape; None when it did not reach the script."""
    complaint: str = ""
    """Why the double refused it as the real server would; empty when it did not."""
    status: int = 0
    """Sent status; 0 while there is none."""
    state: Literal["answering", "answered", "cut", "client_left"] = "answering"
    """`cut` when the script broke the connection, `client_left` when the client closed it before the end."""
    connection: int = 0
    """Number of the connection it came on, from 1."""
    at: float = field(default_factory=time.monotonic)
    """When it had been read whole, in seconds of the monotonic clock."""
    ended: float = 0.0
    """When its answer was out or had failed, likewise."""


def environment(base_url: str, provider: Provider) -> dict[str, str]:
    """Environment variables that point a program at a double on this address."""
    match provider:
        case "openai":
            return {"OPENAI_BASE_URL": f"{base_url}/v1", "OPENAI_API_KEY": KEY}
        case "anthropic":
            return {"ANTHROPIC_BASE_URL": base_url, "ANTHROPIC_API_KEY": KEY}
        case "ollama":
            return {"OLLAMA_HOST": base_url}
        case "deepseek":
            return {"DEEPSEEK_BASE_URL": f"{base_url}/deepseek", "DEEPSEEK_API_KEY": KEY}
        case "qwen":
            return {"DASHSCOPE_BASE_URL": f"{base_url}/compatible-mode/v1", "DASHSCOPE_API_KEY": KEY}


@contextmanager
def refused_address() -> Iterator[str]:
    """The root of a server nobody runs: connecting is refused, and no other program can take the port meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"
