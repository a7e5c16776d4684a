"""Durations in Go's notation: ``10s``, ``1m30s``, ``1.5h``, ``150ms``, ``100µs``.

Inside the program a duration is an integer of nanoseconds in the signed 64-bit range, as in Go;
the rules and error texts are those of time.ParseDuration and Duration.String.
"""

import re

NANOSECOND = 1
MICROSECOND = 1_000 * NANOSECOND
MILLISECOND = 1_000 * MICROSECOND
SECOND = 1_000 * MILLISECOND
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

_UNITS = {
    "ns": NANOSECOND,
    "us": MICROSECOND,
    "\u00b5s": MICROSECOND,  # micro sign
    "\u03bcs": MICROSECOND,  # Greek letter mu
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
_MOST = 1 << 63
"""Largest magnitude while parsing; only a negative duration may reach it."""
_MOST_DIGITS = len(str(_MOST))
_PART = re.compile(r"([0-9]*)(\.?)([0-9]*)([^0-9.]*)")
_SIMPLE = re.compile(r"([0-9]{1,6})(ns|us|ms|s|m|h)")
_ESCAPED = re.compile(r"[\"\\]|[^ -\x7f]")


class DurationError(ValueError):
    """A text is not a duration; ``str()`` is Go's error text, such as ``time: invalid duration "abc"``."""


def parse_duration(text: str) -> int:
    """Return the nanoseconds that ``text`` spells.

    A sign and one or more decimal numbers, each with a unit: ns, us (or µs), ms, s, m, h. The unit
    may be left out for ``0`` only. Fractions below a nanosecond are cut off.

    Raises:
        DurationError: ``text`` is not of that form, or beyond the signed 64-bit range.
    """
    # Nearly every duration is one small whole number with its unit, which can't overflow.
    simple = _SIMPLE.fullmatch(text)
    if simple is not None:
        return int(simple[1]) * _UNITS[simple[2]]
    negative = text.startswith("-")
    position = 1 if text.startswith(("-", "+")) else 0
    if text[position:] == "0":
        return 0
    if position == len(text):
        raise _invalid(text)
    total = 0
    while position < len(text):
        part = _PART.match(text, position)
        assert part is not None, "every piece of the pattern may be empty"
        total += _nanoseconds(part, text)
        if total > _MOST:
            raise _invalid(text)
        position = part.end()
    if negative:
        return -total
    if total == _MOST:
        raise _invalid(text)
    return total


def _nanoseconds(part: re.Match[str], text: str) -> int:
    """Return the value of one number with its unit; ``text`` is the whole, for the error."""
    whole, dot, fraction, unit = part.groups()
    # int() refuses texts of thousands of digits, so the length is looked at before the value.
    digits = whole.lstrip("0")
    value = int(digits or "0") if len(digits) <= _MOST_DIGITS else _MOST + 1
    if value > _MOST or not (whole or fraction):
        raise _invalid(text)
    if not unit:
        raise DurationError(f"time: missing unit in duration {_quote(text)}")
    size = _UNITS.get(unit)
    if size is None:
        raise DurationError(f"time: unknown unit {_quote(unit)} in duration {_quote(text)}")
    if value > _MOST // size:
        raise _invalid(text)
    return value * size + _fraction(fraction, size) if dot else value * size


def _fraction(digits: str, size: int) -> int:
    """Return the nanoseconds of ``0.digits`` units of ``size``, by Go's floating-point steps.

    Digits that no longer fit 63 bits are ignored, and the product is cut, not rounded: both decide
    the last nanosecond.
    """
    value, scale = 0, 1.0
    for digit in digits:
        longer = value * 10 + int(digit)
        if value > (_MOST - 1) // 10 or longer > _MOST:
            break
        value = longer
        scale *= 10
    return int(value * (size / scale))


def _invalid(text: str) -> DurationError:
    return DurationError(f"time: invalid duration {_quote(text)}")


def _quote(text: str) -> str:
    """Quote as Go's package time does: what is not ASCII shows as the bytes of its UTF-8."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char in '"\\':
        return "\\" + char
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))


def format_duration(nanoseconds: int) -> str:
    """Return Go's normal form: ``1m30s``, ``1h0m0s``, ``1.5s``, ``150ms``, ``100µs``, ``0s``.

    A second and more is written in hours, minutes and seconds, less in the largest unit that
    leaves a digit before the point. `parse_duration` of the result gives the same number.
    """
    sign, size = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if size >= SECOND:
        minutes, rest = divmod(size, MINUTE)
        hours, minutes = divmod(minutes, 60)
        seconds = _decimal(rest, SECOND) + "s"
        if hours:
            return f"{sign}{hours}h{minutes}m{seconds}"
        return f"{sign}{minutes}m{seconds}" if minutes else sign + seconds
    if size >= MILLISECOND:
        return f"{sign}{_decimal(size, MILLISECOND)}ms"
    if size >= MICROSECOND:
        return f"{sign}{_decimal(size, MICROSECOND)}\u00b5s"
    return f"{sign}{size}ns" if size else "0s"


def _decimal(value: int, unit: int) -> str:
    """Return ``value / unit`` in full, without trailing zeros; ``unit`` is a power of ten."""
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    places = len(str(unit)) - 1
    return f"{whole}.{rest:0{places}d}".rstrip("0")
