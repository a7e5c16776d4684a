"""Reading a JSON body under a declared shape."""

from typing import Any

from registry.api.world import World
from registry.http.errors import HttpError
from registry.http.request import Request
from registry.wire.decode import DecodeError, Struct, decode, parse_json


async def read_object(request: Request[World], shape: Struct) -> dict[str, Any]:
    """Return the fields that the body gives, by canonical name.

    Raises:
        HttpError: 400 ``Request decode failed: ...`` with Go's text and the place in the body.
    """
    body = await request.body()
    try:
        return decode(parse_json(body), shape)
    except DecodeError as error:
        raise HttpError(400, f"Request decode failed: {error}") from None
