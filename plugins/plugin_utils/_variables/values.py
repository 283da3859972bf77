# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the value of a variable, in few words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.known import Option

#: Returns a value as the type of an option; raises TypeError or ValueError where it cannot be one.
Convert = Callable[[str, Any], Any]

#: What a value of a type is called.
KINDS = {
    "bool": "true or false",
    "dict": "a dictionary",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "str": "a string",
}

#: The most of a value that is shown, in characters.
LONGEST_SHOWN = 60


def faults(name: str, option: Option, value: Any, convert: Convert) -> Iterator[str]:
    """What keeps a value from being one of the option's. What is missing in it is left to the task that needs it."""
    if value is None:  # was not given
        return
    kind = option.get("type", "str")
    try:
        converted = convert(kind, value)
    except (TypeError, ValueError):
        yield f"{_named(name, option, value)} is not {KINDS.get(kind, kind)}"
        return
    if kind == "list":
        each = {key: entry for key, entry in option.items() if key != "elements"}
        each["type"] = option.get("elements", "raw")
        for index, element in enumerate(converted):
            yield from faults(f"{name}[{index}]", each, element, convert)
    elif "choices" in option and converted not in option["choices"]:
        yield f"{_named(name, option, value)} is not one of {', '.join(map(str, option['choices']))}"
    elif "options" in option:
        yield from _faults_within(name, option["options"], converted, convert)


def _faults_within(name: str, options: dict[str, Option], value: dict[str, Any], convert: Convert) -> Iterator[str]:
    for key, entry in value.items():
        if key in options:
            yield from faults(f"{name}.{key}", options[key], entry, convert)
        else:
            yield unknown(f"{name}.{key}", _likely(key, options))


def unknown_names(given: Mapping[str, Any], options: Mapping[str, Option], place: str = "") -> Iterator[str]:
    """Each name in a task's arguments, at any depth, that is none of its options, with the likely one."""
    for name, value in given.items():
        if name not in options:
            yield unknown(f"{place}{name}", _likely(name, options))
        within = options.get(name, {}).get("options")
        for index, each in enumerate(value if isinstance(value, list) else [value]):
            if within and isinstance(each, Mapping):
                at = f"[{index}]" if isinstance(value, list) else ""
                yield from unknown_names(each, within, f"{place}{name}{at}.")


def _likely(name: str, options: Mapping[str, Option]) -> str | None:
    return next(iter(get_close_matches(str(name), options, n=1)), None)


def unknown(name: str, likely: str | None) -> str:
    """How a name that nobody reads is told."""
    return f"{name} is unknown, did you mean {likely}?" if likely else f"{name} is unknown"


def _named(name: str, option: Option, value: Any) -> str:
    """A variable with its value, or without it where that is, or may hold, a secret."""
    if _is_secret(option):
        return name
    shown = repr(value)
    return f"{name}: {shown if len(shown) <= LONGEST_SHOWN else f'{shown[:LONGEST_SHOWN]}…'}"


def _is_secret(option: Option) -> bool:
    return bool(option.get("no_log")) or any(map(_is_secret, option.get("options", {}).values()))
