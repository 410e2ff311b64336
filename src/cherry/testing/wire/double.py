"""A model provider on a real port: four APIs at once, driven by a script, remembering every request.

Guarantees: requests are recorded before they are answered; an answer of the script is used up by a request only after the
request passed the checks of the real server; closing the double ends every connection, whatever it is doing.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import orjson

from cherry.testing.faults import Refuse
from cherry.testing.scripts import Script, ScriptUsedUp, SeenRequest, Step, Words, as_script
from cherry.testing.wire.anthropic import Messages
from cherry.testing.wire.apis import Api, Complaint
from cherry.testing.wire.catalogue import catalogue_answer
from cherry.testing.wire.delivery import Closed, Delivery
from cherry.testing.wire.http import MAX_HEAD, BadHttp, HttpRequest, head, read_request
from cherry.testing.wire.judging import Keys, judged
from cherry.testing.wire.ollama import OllamaChat
from cherry.testing.wire.openai_chat import ChatCompletions
from cherry.testing.wire.openai_responses import Responses
from cherry.testing.wire.records import Provider, RecordedRequest, environment

if TYPE_CHECKING:
    import ssl

_CHAT, _RESPONSES, _MESSAGES, _OLLAMA = ChatCompletions(), Responses(), Messages(), OllamaChat()
_ROUTES: Mapping[str, Api] = {
    "/v1/chat/completions": _CHAT,
    "/deepseek/chat/completions": _CHAT,
    "/deepseek/v1/chat/completions": _CHAT,
    "/compatible-mode/v1/chat/completions": _CHAT,
    "/v1/responses": _RESPONSES,
    "/v1/messages": _MESSAGES,
    "/api/chat": _OLLAMA,
}


class WireDouble:
    """`async with WireDouble(Script("Hello")) as double:` then point a client at `double.base_url`.

    `models` are those it lists; with `strict_models` any other is not found. `keys` are those it accepts, None for any;
    `require_key=False` takes requests without one, as local servers do. With `tls` it speaks HTTPS.
    `observe` sees each model request when it is over.
    """

    def __init__(
        self,
        script: Script | Words = "Hello.",
        *,
        models: tuple[str, ...] = ("test",),
        strict_models: bool = False,
        keys: Collection[str] | None = None,
        require_key: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: "ssl.SSLContext | None" = None,
        observe: Callable[[RecordedRequest], None] | None = None,
    ) -> None:
        self._player = as_script(script).play()
        self._models = models
        self._strict_models = strict_models
        self._keys = Keys(require_key, keys)
        self._failure: Exception | None = None
        self._host = host
        self._port = port
        self._tls = tls
        self._observe = observe
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._played = 0
        self.connection_count = 0
        """Connections accepted so far: one for many requests shows that it is kept alive."""
        self.requests: list[RecordedRequest] = []
        """Every request, oldest first."""

    async def __aenter__(self) -> "WireDouble":
        self._server = await asyncio.start_server(self._accept, self._host, self._port, limit=MAX_HEAD, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Raises what a function of the script (or the double itself) raised: a failed assertion in it fails the test."""
        await self.close()
        if kind is None and self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Stop listening and end every connection; calling it twice is harmless."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Transports tell their end in the next turn of the loop.
        await asyncio.sleep(0)

    @property
    def base_url(self) -> str:
        """The server's root, without a path: `http://127.0.0.1:40123`."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    @property
    def model_requests(self) -> list[RecordedRequest]:
        """Requests that reached the script."""
        return [request for request in self.requests if request.seen is not None]

    @property
    def complaints(self) -> list[str]:
        """What the double refused requests for, as the real servers do. A correct client leaves it empty."""
        return [request.complaint for request in self.requests if request.complaint]

    @property
    def answers_left(self) -> int:
        return self._player.left

    def environment(self, provider: Provider) -> dict[str, str]:
        """Environment variables that point a program at this double."""
        return environment(self.base_url, provider)

    async def wait_for_requests(self, count: int, *, seconds: float = 5.0) -> list[RecordedRequest]:
        """Wait until `count` model requests have reached the script. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while len(self.model_requests) < count:
                await self._next_change()
        return self.model_requests

    async def wait_until_settled(self, *, seconds: float = 5.0) -> None:
        """Wait until no request is being answered any more. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while any(request.state == "answering" for request in self.requests):
                await self._next_change()

    async def _next_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connection_count += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer, self.connection_count))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        # A task cancelled before its first step never comes to its own `finally`.
        task.add_done_callback(lambda _: writer.close())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        try:
            while request := await read_request(reader, writer):
                await self._answer(request, reader, writer, connection)
                if not request.keep_alive:
                    break
        except BadHttp as error:
            body = str(error).encode()
            writer.write(head(400, {"content-type": "text/plain"}, length=len(body), keep_alive=False) + body)
        except (Closed, ConnectionError):
            pass  # the script or the client ended it; the record says which
        except Exception as error:  # a fault of the double itself must fail the test, not vanish with the connection
            self._failure = self._failure or error
        finally:
            writer.close()

    async def _answer(
        self, request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> None:
        record = RecordedRequest(
            request.method, request.path, request.query, request.headers, request.body, connection=connection
        )
        self.requests.append(record)
        try:
            record.status = await self._dispatch(request, record, reader, writer)
            record.state = "answered"
        except Closed:
            record.state = "client_left" if reader.at_eof() else "cut"
            raise
        except ConnectionError:
            record.state = "client_left"
            raise
        except asyncio.CancelledError:
            record.state = "cut"
            raise
        finally:
            record.ended = time.monotonic()
            self._changed.set()
            if self._observe is not None and record.api:
                self._observe(record)

    async def _dispatch(
        self, request: HttpRequest, record: RecordedRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> int:
        api = _ROUTES.get(request.path) if request.method == "POST" else None
        try:
            record.body = orjson.loads(request.body) if request.body else None
        except orjson.JSONDecodeError:
            record.body = None
        if api is None:
            found = catalogue_answer(request, record.body, self._models)
            data = orjson.dumps(found.body) if isinstance(found.body, dict) else found.body.encode()
            writer.write(head(found.status, found.headers, length=len(data), keep_alive=request.keep_alive))
            writer.write(b"" if request.method == "HEAD" else data)
            return found.status
        record.api = api.name
        body = record.body if isinstance(record.body, dict) else {}
        delivery = Delivery(api, request, body, self._played + 1, reader=reader, writer=writer)
        seen = judged(api, request, record.body, keys=self._keys, number=self._played + 1)
        if isinstance(seen, Complaint):
            record.complaint = seen.message
            return await delivery.send_json(seen.status, api.complain(seen))
        if self._strict_models and seen.model not in self._models:
            record.complaint = f"unknown model {seen.model}"
            return await delivery.perform(Refuse("model_not_found"))
        self._played += 1
        record.seen = seen
        self._changed.set()
        step = self._next_step(seen)
        if isinstance(step, Complaint):
            record.complaint = step.message
            return await delivery.send_json(step.status, api.complain(step))
        return await delivery.perform(step)

    def _next_step(self, seen: SeenRequest) -> Step | Complaint:
        """A complaint has a status nobody retries: the test should fail here and say why."""
        try:
            return self._player.next(seen)
        except ScriptUsedUp as error:
            return Complaint(str(error), code="script_used_up")
        except (
            Exception
        ) as error:  # the script's function is the test's own code; what it raises is raised again at the end
            self._failure = self._failure or error
            return Complaint(f"The script failed: {type(error).__name__}: {error}", code="script_failed")
