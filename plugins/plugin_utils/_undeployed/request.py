# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task of requested_certificate asks for, from validated arguments: a leaf for the request that somebody
brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.names import names_error
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import check_days
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import printable
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.brought_requests import BroughtRequest, parse_brought
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Profile
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import (
    SubjectAlternativeName,
    parse_names,
    shown,
)

# As many names as an error has of a request.
_SHOWN = 10


@dataclass(frozen=True)
class SigningRequest:
    """One wanted leaf: the name by which the ledger is to know it, and the request that was brought, which errors name
    by its ``source``. ``lifetime`` is in days, None for the authority's own."""

    name: str
    names: tuple[SubjectAlternativeName, ...]
    profile: Profile
    lifetime: int | None
    brought: BroughtRequest
    source: str

    @property
    def place(self) -> LeafPlace:
        """Where the ledger has it: on no host."""
        return LeafPlace("", "", self.name)

    @property
    def not_requested(self) -> tuple[str, ...]:
        """The names of the leaf that the request does not ask for."""
        return tuple(name.value for name in self.names if name not in self.brought.names)

    @property
    def left_out(self) -> tuple[str, ...]:
        """What the request asks for and the leaf does not get."""
        known = (name.value for name in self.brought.names if name not in self.names)
        return (*known, *map(printable, self.brought.others))


def parse_signing_request(arguments: Mapping[str, Any], given: Given) -> SigningRequest:
    """The leaf that a task asks for by the request that was ``given``. Raises PkiError."""
    name = arguments["name"]
    if error := names_error([name]):
        raise PkiError(error)
    check_days(name, arguments["lifetime"])
    brought = parse_brought(given.content, given.source)
    names = _names(arguments["names"], arguments["names_from_request"], brought, given.source)
    return SigningRequest(name, names, Profile(arguments["profile"]), arguments["lifetime"], brought, given.source)


def _names(
    texts: list[str] | None, from_request: bool, brought: BroughtRequest, source: str
) -> tuple[SubjectAlternativeName, ...]:
    """The names of the leaf: the play's, or where it says so those of the request. Raises PkiError."""
    if texts is not None and from_request:
        raise PkiError("names: are given, and names_from_request is true. Leave one of them out.")
    if texts is not None:
        return parse_names(texts)
    asked = _listed([*(name.value for name in brought.names), *map(printable, brought.others)])
    if not from_request:
        raise PkiError(
            f"names: say which names the certificate is to have. Those of the request ({asked or 'it has none'}) are "
            "taken by names_from_request: true alone, since whoever made it wrote what they liked."
        )
    if brought.others or not brought.names:
        raise PkiError(
            f"{source}: asks for names that no leaf can have ({asked or 'none at all'}), so that names_from_request "
            "does not take them. Give those that the certificate is to have (option names)."
        )
    return brought.names


def difference_warnings(request: SigningRequest) -> list[str]:
    """What to say where the leaf has other names than its request asks for, which its owner may not expect."""
    said = []
    if request.left_out:
        said.append(f"asks for {_listed(request.left_out)}, which the certificate does not have")
    if request.not_requested:
        said.append(f"does not ask for {_listed(request.not_requested)}, which the certificate has")
    if not said:
        return []
    told = f"The request for {request.name!r} {', and '.join(said)}."
    return [f"{told} The names are those of the task ({shown(request.names)})."]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
