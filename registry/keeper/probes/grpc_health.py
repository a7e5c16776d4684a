"""The messages of gRPC's health service, and gRPC's frame around them.

grpc.health.v1 has two messages of one field each, so they are written and read by hand:
``HealthCheckRequest{string service = 1}`` and ``HealthCheckResponse{ServingStatus status = 1}``.
"""

from urllib.parse import unquote

PATH = "/grpc.health.v1.Health/Check"
SERVING = 1

_SERVING_NAMES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_CODES = (
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
)
_HTTP_CODES = {
    400: "Internal",
    401: "Unauthenticated",
    403: "PermissionDenied",
    404: "Unimplemented",
    429: "Unavailable",
    502: "Unavailable",
    503: "Unavailable",
    504: "Unavailable",
}
"""Which code an HTTP status stands for when gRPC's own is missing (gRPC's HTTP mapping)."""

_FRAME_HEAD = 5
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_STATUS_FIELD = 1


class BadMessage(ValueError):
    """Bytes are not the message that they should be."""


def ask(service: str) -> bytes:
    """Return the framed request about a service, "" for the server as a whole."""
    name = service.encode("utf-8", "replace")
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def serving_status(frame: bytes) -> int:
    """Return the status in a framed answer.

    Raises:
        BadMessage: it is cut off, compressed (which was not offered), or no protobuf.
    """
    if len(frame) < _FRAME_HEAD or len(frame) - _FRAME_HEAD != int.from_bytes(frame[1:_FRAME_HEAD], "big"):
        raise BadMessage("the answer is not one whole message")
    if frame[0]:
        raise BadMessage("the answer is compressed, which was not asked for")
    message, at, status = frame[_FRAME_HEAD:], 0, 0
    while at < len(message):
        key, at = _read_varint(message, at)
        if key == _STATUS_FIELD << 3 | _VARINT:
            status, at = _read_varint(message, at)
        else:
            at = _skip(message, at, key & 7)
    return status


def serving_name(status: int) -> str:
    """Return the name of a serving status, its number if it has none."""
    return _SERVING_NAMES[status] if status < len(_SERVING_NAMES) else str(status)


def rpc_error(code: str, text: str) -> str:
    """Return an error as grpc-go shows it."""
    return f"rpc error: code = {code} desc = {text}"


def code_name(number: str) -> str:
    """Return the name of a ``grpc-status``."""
    known = number.isascii() and number.isdigit() and int(number[:4]) < len(_CODES)
    return _CODES[int(number[:4])] if known else f"Code({number})"


def code_of_http(status: str) -> str:
    """Return the code that an HTTP status other than 200 stands for."""
    return _HTTP_CODES.get(int(status) if status.isascii() and status.isdigit() else 0, "Unknown")


def message_text(encoded: str) -> str:
    """Return a ``grpc-message``, which is percent-encoded."""
    return unquote(encoded, errors="replace")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise BadMessage("the answer is cut off")
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    raise BadMessage("the answer holds a number that is too long")


def _skip(data: bytes, at: int, wire_type: int) -> int:
    """Return the place after a field that is of no interest."""
    if wire_type == _VARINT:
        return _read_varint(data, at)[1]
    if wire_type == _BYTES:
        length, at = _read_varint(data, at)
    elif wire_type in (_FIXED32, _FIXED64):
        length = 4 if wire_type == _FIXED32 else 8
    else:
        raise BadMessage(f"the answer has a field of the unknown wire type {wire_type}")
    if at + length > len(data):
        raise BadMessage("the answer is cut off")
    return at + length
