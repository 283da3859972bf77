# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host says it has. A host is not trusted: its report is capped, typed and matched with what was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest

SHA256 = re.compile(r"([0-9a-f]{64})?\Z")
LONGEST_TEXT = 500
LONGEST_CSR = 16 * 1024
MOST_DRIFT = 20
MOST_PROBES = 1000
# The host counts no further: the folder of a generation has nine digits at most.
LARGEST_GENERATION = 999_999_999


@dataclass(frozen=True)
class DeployedLeaf:
    """A leaf as a host reports it. Digests are hexadecimal, or empty for what is not there; generation 0 is none.

    ``damage`` says why the generation cannot be kept, ``drift`` what a repair would mend without new material.
    """

    name: str
    generation: int
    leaf_sha256: str
    chain_sha256: str
    staple_sha256: str
    pkcs12: bool
    damage: str
    drift: tuple[str, ...]
    csr: str


def parse_report(result: Mapping[str, Any], requests: list[LeafRequest]) -> list[DeployedLeaf]:
    """The deployed leaves in the order of ``requests``. Raises PkiError where the report is not what a host sends."""
    entries = result.get("certificates")
    if not isinstance(entries, list) or len(entries) != len(requests):
        raise PkiError("The host's report does not fit the certificates of this task; is its anchorage.pki intact?")
    deployed = [_parse_entry(entry) for entry in entries]
    if [leaf.name for leaf in deployed] != [request.name for request in requests]:
        raise PkiError("The host's report is about other certificates than this task.")
    return deployed


def parse_arrival(result: Mapping[str, Any], names: Sequence[str]) -> dict[str, int]:
    """The generation of each leaf that was to be deployed, by its name. Raises PkiError where one is not there."""
    try:
        generations = {entry["name"]: entry["generation"] for entry in result["certificates"]}
        return {name: _generation(generations[name]) for name in names}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _unclear_arrival() from error


def parse_activation(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a deployment tested, reloaded and saw. Raises PkiError where that is not what a host sends."""
    try:
        activation = result["activation"]
        return {
            "tested": bool(activation["tested"]),
            "reloaded": bool(activation["reloaded"]),
            "probes": [_probe(probe) for probe in list(activation["probes"])[:MOST_PROBES]],
        }
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _unclear_arrival() from error


def _probe(probe: Any) -> dict[str, Any]:
    words = {field: _line(probe[field]) for field in ("certificate", "address", "leaf", "staple", "detail")}
    return {**words, "port": _number(probe["port"], 65535)}


def _generation(value: Any) -> int:
    return _number(value, LARGEST_GENERATION)


def _number(value: Any, largest: int) -> int:
    """Raises TypeError, ValueError or OverflowError for what is no number from 0 to ``largest``."""
    number = int(value)
    if not 0 <= number <= largest:
        raise ValueError(f"beyond {largest}")
    return number


def _unclear_arrival() -> PkiError:
    return PkiError(
        "The host does not say what it deployed; is its anchorage.pki intact? Run again to see what is in use."
    )


def parse_removal(result: Mapping[str, Any], names: Sequence[str]) -> dict[str, bool]:
    """Whether each leaf was there to be removed, by its name. Raises PkiError where the host does not say."""
    try:
        removed = {entry["name"]: bool(entry["removed"]) for entry in result["certificates"]}
        return {name: removed[name] for name in names}
    except (KeyError, TypeError) as error:
        raise PkiError("The host does not say what it removed; is its anchorage.pki intact?") from error


def _parse_entry(entry: Any) -> DeployedLeaf:
    try:
        leaf = DeployedLeaf(
            name=str(entry["name"])[:LONGEST_TEXT],
            generation=_generation(entry["generation"]),
            leaf_sha256=str(entry["leaf_sha256"]),
            chain_sha256=str(entry["chain_sha256"]),
            staple_sha256=str(entry["staple_sha256"]),
            pkcs12=bool(entry["pkcs12"]),
            damage=_line(entry["damage"]),
            drift=tuple(_line(text) for text in list(entry["drift"])[:MOST_DRIFT]),
            csr=str(entry["csr"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise PkiError("The host's report is not readable; is its anchorage.pki intact?") from error
    digests = (leaf.leaf_sha256, leaf.chain_sha256, leaf.staple_sha256)
    if len(leaf.csr) > LONGEST_CSR or not all(SHA256.match(digest) for digest in digests):
        raise PkiError(f"The host's report about {leaf.name!r} is not plausible, and nothing was deployed.")
    return leaf


def _line(text: Any) -> str:
    """A host's words as one line that a terminal takes for nothing but text."""
    return "".join(character if character.isprintable() else " " for character in str(text)[:LONGEST_TEXT])
