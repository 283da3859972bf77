# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is wrong with the variables of a run, told once however many hosts have it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.known import Known
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.names import is_unknown, likely_name
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.values import Convert, faults, unknown

#: The types of options that take any text.
ANY_TEXT = ("str", "path", "raw")


@dataclass(frozen=True)
class Place:
    """Where variables are set: on a host, or, without one, in the play."""

    host: str | None
    #: As they were written, with their templates.
    variables: Mapping[str, Any]
    #: Returns the value of what was written; None where it cannot be told here.
    template: Callable[[Any], Any]


@dataclass(frozen=True)
class Judge:
    """What a variable is measured by."""

    known: Known
    convert: Convert
    #: Whether what was written has the same value on every host.
    is_constant: Callable[[Any], bool]


def wrong_variables(places: Iterable[Place], judge: Judge) -> list[str]:
    """A few words on each wrong variable, with the hosts that have it."""
    hosts: dict[str, list[str]] = {}
    for place, text in _findings(places, judge):
        hosts.setdefault(text, []).extend([place.host] if place.host else [])
    return [f"{text}{_told(names)}" for text, names in hosts.items()]


def _findings(places: Iterable[Place], judge: Judge) -> Iterator[tuple[Place, str]]:
    fault_of_name = functools.cache(functools.partial(_fault_of_name, known=judge.known))
    # By the identity of a value that many hosts share; with that value, so that no other takes its identity.
    constants: dict[tuple[str, int], tuple[Any, list[str]]] = {}
    for place in places:
        for name, written in place.variables.items():
            if name in judge.known.options:
                key = (name, id(written))
                texts = constants[key][1] if key in constants else _faults_of_value(place, name, judge)
                if key not in constants and judge.is_constant(written):
                    constants[key] = (written, texts)
                yield from ((place, text) for text in texts)
            elif (text := fault_of_name(name)) and not _is_result(written):
                yield place, text


def _fault_of_name(name: str, known: Known) -> str | None:
    return unknown(name, likely_name(name, known)) if is_unknown(name, known) else None


def _faults_of_value(place: Place, name: str, judge: Judge) -> list[str]:
    """Whatever becomes a string is right for an option that takes any, and not looked at: a passphrase may be looked up
    somewhere at each look."""
    option = judge.known.options[name]
    if option.get("type", "str") in ANY_TEXT and "choices" not in option:
        return []
    return list(faults(name, option, place.template(place.variables[name]), judge.convert))


def _is_result(written: Any) -> bool:
    """Whether a task registered it."""
    return isinstance(written, Mapping) and any(isinstance(written.get(key), bool) for key in ("changed", "failed"))


def _told(hosts: list[str]) -> str:
    if not hosts:
        return ""
    others = len(hosts) - 1
    return f" ({hosts[0]}{f' and {others} other host' if others else ''}{'s' if others > 1 else ''})"
