# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wire between controller and host: frozen dataclasses, defined once and imported by both sides.

Each field of a message is declared by one of the functions below, which says how large it may be. :func:`encode` makes
plain JSON values of a message, and :func:`decode` a message of JSON values that nobody vouches for. What few looks need
is elsewhere: Ansible's arguments that take a message to the host are made in arguments.py, fields of bytes are in
content.py, and fields of several words in choices.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import (
    TYPE_CHECKING,
    Any,
    field,
    fields_of,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.text import encodable, single_line

LONGEST_LINE = 500
LONGEST_TEXT = 64 * 1024
MOST_ENTRIES = 1000
LARGEST_NUMBER = 2**31 - 1

_READ = "read"
ARGUMENT = "argument"  # what Ansible has to know of a field, besides its default
_DIGEST = re.compile(r"([0-9a-f]{64})?\Z")

if TYPE_CHECKING:
    from typing import TypeVar

    Message = TypeVar("Message")
else:
    Message = Any


class MalformedError(ValueError):
    """The other side sent something that is not the message it should be; says which field and what is wrong."""


def line(default: str | None = None, longest: int = LONGEST_LINE, **spec: Any) -> Any:
    """Words for a person: one line, cut off at so many characters, that a terminal takes for nothing but text."""
    return declared(lambda value: single_line(typed(value, str), longest), "str", default, spec)


def text(default: str | None = None, longest: int = LONGEST_TEXT, **spec: Any) -> Any:
    """A text for a program, such as PEM, of at most so many characters."""
    return declared(lambda value: at_most(typed(value, str), longest), "str", default, spec)


def digest(default: str | None = None) -> Any:
    """A SHA-256 in lower-case hexadecimal, or "" for none."""

    def read(value: Any) -> str:
        found = typed(value, str)
        if not _DIGEST.match(found):
            raise MalformedError("is not a SHA-256")
        return str(found)

    return declared(read, "str", default, {})


def flag(default: bool | None = None, **spec: Any) -> Any:
    """True or false."""
    return declared(lambda value: typed(value, bool), "bool", default, spec)


def number(default: int | None = None, largest: int = LARGEST_NUMBER) -> Any:
    """A whole number from 0 to ``largest``."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not 0 <= typed(value, int) <= largest:
            raise MalformedError(f"is not a number from 0 to {largest}")
        return int(value)

    return declared(read, "int", default, {})


def seconds(default: float | None = None) -> Any:
    """A duration, in seconds."""
    return declared(lambda value: float(typed(value, (int, float))), "float", default, {})


def choice(choices: Sequence[str], default: str | None = None, **spec: Any) -> Any:
    """One of these words."""

    def read(value: Any) -> str:
        if value not in choices:
            raise MalformedError(f"is none of {', '.join(choices)}")
        return str(value)

    return declared(read, "str", default, {"choices": list(choices), **spec})


def lines(most: int = MOST_ENTRIES, longest: int = LONGEST_LINE) -> Any:
    """Lines as of :func:`line`, of which no more than ``most`` are taken."""

    def read(value: Any) -> tuple[str, ...]:
        return tuple(single_line(typed(each, str), longest) for each in typed(value, (list, tuple))[:most])

    return declared(read, "list", (), {"elements": "str"})


def texts(most: int = MOST_ENTRIES, longest: int = LONGEST_TEXT) -> Any:
    """Texts as of :func:`text`, at most ``most`` of them."""

    def read(value: Any) -> tuple[str, ...]:
        return tuple(at_most(typed(each, str), longest) for each in entries_of(value, most))

    return declared(read, "list", (), {"elements": "str"})


def message(kind: type[Any]) -> Any:
    """One message of another kind."""
    return declared(lambda value: decode(kind, value), "dict", None, {"options": kind})


def messages(kind: type[Any], most: int = MOST_ENTRIES) -> Any:
    """Messages of one kind, of which no more than ``most`` are taken."""

    def read(value: Any) -> tuple[Any, ...]:
        return tuple(decode(kind, entry) for entry in typed(value, (list, tuple))[:most])

    return declared(read, "list", (), {"elements": "dict", "options": kind})


def encode(value: Any) -> Any:
    """A message, or a value in one, as JSON values. Text that UTF-8 cannot express, such as a file's name in another
    encoding, is escaped."""
    if fields := fields_of(value):
        return {name: encode(getattr(value, name)) for name in fields}
    if isinstance(value, (list, tuple)):
        return [encode(each) for each in value]
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode()
    return value


def decode(kind: Callable[..., Message], value: Any) -> Message:
    """The message of that kind which ``value`` is. What it has besides the message's fields is left out.

    Every field has to be there: Ansible fills in what an argument leaves out, and :func:`encode` leaves out nothing.
    Raises MalformedError for anything else.
    """
    if not isinstance(value, Mapping):
        raise MalformedError("is no dictionary")
    read = {}
    for name, declaration in fields_of(kind).items():
        if name not in value:
            raise MalformedError(f"{name} is missing")
        try:
            read[name] = declaration.metadata[_READ](value[name])
        except MalformedError as error:
            raise MalformedError(f"{name} {error}") from error
    return kind(**read)


def declared(read: Callable[[Any], Any], kind: str, default: Any, spec: Mapping[str, Any]) -> Any:
    """A field that ``read`` makes of a JSON value of that ``kind``, required where it has no default. ``spec`` has more
    keys of its argument, such as no_log."""
    metadata = {_READ: read, ARGUMENT: {"type": kind, **spec}}
    # A message calls this where a dataclass calls field(), which pylint cannot see.
    given = ... if default is None else default
    return field(default=given, repr=not spec.get("no_log"), metadata=metadata)  # pylint: disable=invalid-field-call


def typed(value: Any, kind: type | tuple[type, ...]) -> Any:
    """The value, which has to be of that kind. Raises MalformedError."""
    if not isinstance(value, kind):
        raise MalformedError("is of the wrong type")
    return value


def entries_of(value: Any, most: int) -> Sequence[Any]:
    """The entries of a list, which has to have no more than so many. Raises MalformedError."""
    entries: Sequence[Any] = typed(value, (list, tuple))
    if len(entries) > most:
        raise MalformedError(f"has more than {most} entries")
    return entries


def at_most(value: str, longest: int) -> str:
    """The value, which has to have no more than so many characters. Raises MalformedError."""
    if len(value) > longest:
        raise MalformedError(f"is longer than {longest} characters")
    return value
