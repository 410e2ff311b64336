"""Whether a request would be taken by the real server: the key first, then the body."""

from collections.abc import Collection
from typing import Any, NamedTuple

from cherry.testing.scripts import SeenRequest
from cherry.testing.wire.apis import Api, Complaint
from cherry.testing.wire.http import HttpRequest

_NOT_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The API expects a JSON payload, but what was sent was not valid JSON.)"
)


class Keys(NamedTuple):
    required: bool
    accepted: Collection[str] | None
    """None: any."""


def judged(api: Api, request: HttpRequest, body: Any, *, keys: Keys, number: int) -> SeenRequest | Complaint:
    """The request in no provider's shape, or why it is refused."""
    key = api.key(request.headers)
    if key is None and keys.required:
        return api.keyless()
    if keys.accepted is not None and key and key not in keys.accepted:
        return _wrong_key(api)
    if not isinstance(body, dict):
        return Complaint(_NOT_JSON)
    try:
        return api.complaint(body, request.headers) or api.seen(number, body)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # The checks name the usual mistakes; a body of quite another shape shows itself by failing them or the reading.
        return Complaint(f"The request body is not in the shape of the API: {type(error).__name__}: {error}")


def _wrong_key(api: Api) -> Complaint:
    if api.vendor == "anthropic":
        return Complaint("invalid x-api-key", status=401, type="authentication_error")
    return Complaint("Incorrect API key provided: sk-***.", status=401, code="invalid_api_key")
