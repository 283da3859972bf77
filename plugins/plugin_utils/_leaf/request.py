# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task of leaf_certificate asks for: one request for each certificate, from validated task arguments."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.controls import CONTROLS
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, Probe
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.names import names_error
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Profile
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import check_names, outside_names
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.foreign_constraints import (
    name_constraints,
    refused_names,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import POST_QUANTUM, KeyType, check_key_type
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import (
    NameKind,
    SubjectAlternativeName,
    parse_host_name,
    parse_names,
    shown,
)

# Seconds for test, reload and probes together.
DEFAULT_TIMEOUT = 30
# What the task says once for all certificates, and each certificate may say for itself.
SHARED_OPTIONS = ("profile", "key_type", "private_key", "lifetime", "staple", "must_staple", "pkcs12_passphrase")

# Whose name constraints a name is outside of, and what to do.
_EXTERNAL_LIMITS = (
    "that the PKI of the root gave this authority. Use other names, or make a second authority in another folder "
    "(option authority), whose request asks for them."
)
_IMPORTED_LIMITS = (
    "of the root that was imported. Use other names, or have the playbook anchorage.pki.rotate_authority bring a root "
    "of this authority's own, which permits what its options say."
)

# The system's own folders, and those below which no file stays: whoever names one of them means another.
_SYSTEM_FOLDER = re.compile(
    r"/+|/(?:bin|boot|dev|etc|home|lib(?:32|64)?|proc|run|sbin|sys|tmp|usr|var)|/(?:dev|proc|sys)/.*", re.DOTALL
)


class Probed(Protocol):
    """What a probe has to know of a certificate: its name in the task, the name by which a client would ask for it, ""
    for none, and whether it is to have a staple."""

    @property
    def name(self) -> str: ...

    @property
    def server_name(self) -> str: ...

    @property
    def staple(self) -> bool: ...


class Issuable(Protocol):
    """What an authority has to know of a leaf to tell whether it can issue it; ``lifetime`` as a LeafRequest has it."""

    @property
    def name(self) -> str: ...

    @property
    def names(self) -> tuple[SubjectAlternativeName, ...]: ...

    @property
    def lifetime(self) -> int | None: ...


@dataclass(frozen=True)
class LeafRequest:
    """One wanted leaf. ``lifetime`` is in days, None for the authority's own; a PKCS#12 file is wanted where it has a
    passphrase."""

    name: str
    names: tuple[SubjectAlternativeName, ...]
    profile: Profile
    key_type: KeyType
    private_key: str
    lifetime: int | None
    staple: bool
    must_staple: bool
    pkcs12_passphrase: str | None = field(repr=False)

    @property
    def server_name(self) -> str:
        """The DNS name by which a client would ask for this leaf, empty where it has none."""
        hosts = (name.value for name in self.names if name.kind is NameKind.DNS)
        # A wildcard is asked for by any name below it.
        return next((host.replace("*", "probe", 1) for host in hosts), "")


def parse_requests(arguments: Mapping[str, Any]) -> list[LeafRequest]:
    """The requests of a task, from ``name`` and ``names`` or from ``certificates``, none where that is empty.

    Raises PkiError.
    """
    if arguments["certificates"] == []:
        return []
    folder_names(arguments)  # refuses what cannot be one
    check_destination(arguments["destination"])
    if arguments["certificates"] is None:
        return [_parse_request(arguments, {}, arguments["server"])]
    return [_parse_request(entry, arguments, arguments["server"]) for entry in arguments["certificates"]]


def check_destination(path: str) -> None:
    """Raise PkiError where the folders of leaves or staples would lie among the system's own. Those of earlier versions
    are removed from there nevertheless."""
    if _SYSTEM_FOLDER.fullmatch(posixpath.normpath(path)):
        raise PkiError(
            f"destination: {path} is a folder of the system's own. Give one for this alone, such as /srv/pki, or leave "
            "the option out."
        )


def folder_names(arguments: Mapping[str, Any]) -> list[str]:
    """The names of a task's leaves, from ``name`` or from ``certificates``. Raises PkiError."""
    entries = [arguments] if arguments["certificates"] is None else arguments["certificates"]
    names = [entry["name"] for entry in entries]
    if not names:
        raise PkiError("certificates: name at least one certificate.")
    if error := names_error(names):
        raise PkiError(error)
    return names


def check_requests(requests: Sequence[Issuable], policy: Policy, following: Callable[[], Policy | None]) -> None:
    """Raise PkiError where the authority must not or cannot issue what is requested. Where that matters, ``following``
    reads the policy that a rotation of its root brings, None for none."""
    for request in requests:
        _check_names(request.names, policy, following)
        if request.lifetime is not None and request.lifetime > policy.lifetimes.leaf:
            raise PkiError(
                f"lifetime: {request.lifetime} days for {request.name!r} are beyond what the issuing authority is kept "
                f"valid for ({policy.lifetimes.leaf} days). Ask for less, or raise leaf_lifetime of "
                "certificate_authority."
            )


def _check_names(
    names: Sequence[SubjectAlternativeName], policy: Policy, following: Callable[[], Policy | None]
) -> None:
    outside = outside_names(names, policy.constraints)
    if not outside:
        return
    brought = following()
    if brought and not outside_names(outside, brought.constraints):
        raise PkiError(
            f"names: only the new root of the rotation that is on its way permits {shown(outside)}. "
            "Until that is switching, leaves are signed below the old one, by whose name constraints every client "
            "would refuse them. Run the playbook anchorage.pki.rotate_authority until it is switching, then this again."
        )
    check_names(names, policy.constraints)


def check_external_names(requests: Sequence[Issuable], authority: Authority) -> None:
    """Raise PkiError where names are outside what a root that others made, or a certificate below it, permits."""
    if not (authority.policy.external_root or authority.has_imported_root):
        return
    issuing = authority.issuing
    above = (issuing.certificate, *issuing.intermediates, authority.root.certificate)
    for constraints in filter(None, map(name_constraints, above)):
        outside = [name for request in requests for name in refused_names(request.names, constraints)]
        if outside:
            raise PkiError(
                f"names: {shown(outside)} would be rejected by every client, being outside the name "
                f"constraints {_IMPORTED_LIMITS if authority.has_imported_root else _EXTERNAL_LIMITS}"
            )


def check_server(requests: Sequence[LeafRequest], server: str) -> None:
    """Raise PkiError where ``server`` would send a client the staple of another certificate than it uses."""
    if not SERVERS[server].one_staple:
        return
    first_for: dict[SubjectAlternativeName, LeafRequest] = {}
    for request in filter(lambda request: request.staple, requests):
        for name in request.names:
            first = first_for.setdefault(name, request)
            if first.key_type.algorithm != request.key_type.algorithm:
                raise PkiError(
                    f"certificates: {first.name!r} ({first.key_type.value}) and {request.name!r} "
                    f"({request.key_type.value}) are both for {name.shown}, and {server} sends one staple with both, "
                    "which is right for one of them only. Use one kind of key, set staple to false for both, or take "
                    "another server, such as haproxy."
                )


def activation(activate: Mapping[str, Any] | None, requests: Sequence[Probed], server: str) -> Activation | None:
    """What a task's ``activate`` asks for, its probes filled in from the certificates; empty, it asks for nothing.

    Without a command to reload, or without ``activate``, that is the server's own. Raises PkiError.
    """
    known = bool(CONTROLS[server])
    if activate is None:
        return Activation(timeout=float(DEFAULT_TIMEOUT), server_commands=True) if known else None
    if all(value is None for value in activate.values()):
        return None
    if not activate["reload"] and not known:
        raise PkiError(
            "activate.reload: name the command that makes the server read its certificates again, or set activate to "
            "{} if the server needs no reload."
        )
    by_name = {request.name: request for request in requests}
    return Activation(
        test=tuple(activate["test"] or ()),
        reload=tuple(activate["reload"] or ()),
        timeout=float(DEFAULT_TIMEOUT if activate["timeout"] is None else activate["timeout"]),
        probes=tuple(_probe(probe, by_name, server) for probe in activate["probes"] or ()),
        server_commands=not activate["reload"],
    )


def _probe(probe: Mapping[str, Any], requests: Mapping[str, Probed], server: str) -> Probe:
    name = probe["certificate"] or (next(iter(requests)) if len(requests) == 1 else None)
    if name is None:
        raise PkiError("activate.probes.certificate: say which of the certificates is served there.")
    if name not in requests:
        raise PkiError(f"activate.probes.certificate: no certificate of this task is named {name!r}.")
    request = requests[name]
    server_name = _server_name(probe["server_name"]) if probe["server_name"] else request.server_name
    staple = request.staple and not SERVERS[server].fetches_staples
    return Probe(name, probe["address"], probe["port"], server_name, staple)


def _server_name(text: str) -> str:
    try:
        return parse_host_name(text)
    except PkiError as error:
        raise PkiError(f"activate.probes.server_name: {str(error).removeprefix('names: ')}") from error


def _parse_request(entry: Mapping[str, Any], defaults: Mapping[str, Any], server: str) -> LeafRequest:
    options: dict[str, Any] = {
        option: defaults.get(option) if entry.get(option) is None else entry[option] for option in SHARED_OPTIONS
    }
    name = entry["name"]
    check_days(name, options["lifetime"])
    if options["must_staple"]:
        _check_must_staple(name, options, server)
    if options["pkcs12_passphrase"] == "":
        raise PkiError(f"pkcs12_passphrase: give one for {name!r}, or leave the option out for no bundle.p12.")
    key_type = KeyType(options["key_type"])
    check_key_type(key_type)
    if key_type in POST_QUANTUM and options["pkcs12_passphrase"] and options["private_key"] != "host":
        raise PkiError(
            f"pkcs12_passphrase: the controller puts no {key_type.value} key into PKCS#12, of {name!r} either. Leave "
            "the option out, or have the host make the key and the file (private_key: host)."
        )
    return LeafRequest(
        name=name,
        names=parse_names(entry["names"]),
        profile=Profile(options["profile"]),
        key_type=key_type,
        private_key=options["private_key"],
        lifetime=options["lifetime"],
        staple=options["staple"],
        must_staple=options["must_staple"],
        pkcs12_passphrase=options["pkcs12_passphrase"],
    )


def check_days(name: str, lifetime: int | None) -> None:
    """Raise PkiError for a lifetime that is none."""
    if lifetime is not None and lifetime < 1:
        raise PkiError(f"lifetime: give one day or more for {name!r}.")


def _check_must_staple(name: str, options: Mapping[str, Any], server: str) -> None:
    """Raise PkiError where a leaf that is refused without a staple would have none."""
    if not options["staple"]:
        raise PkiError(f"must_staple: {name!r} would be refused by clients, since staple is false. Change one of them.")
    if options["profile"] == Profile.CLIENT.value:
        raise PkiError(f"must_staple: {name!r} is for clients alone (profile), and no client shows a staple.")
    if not SERVERS[server].staple_file:
        able = ", ".join(name for name, row in SERVERS.items() if row.staple_file)
        raise PkiError(
            f"must_staple: clients would refuse {name!r}, since nothing makes sure that server {server!r} shows its "
            f"staple. Servers that do: {able}."
        )
