# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy of an authority: what its certificates say and how long they last. Stored beside its keys as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import LONGEST_NAME, Subject
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import (
    DEFAULT_DOMAINS,
    DEFAULT_NETWORKS,
    NameConstraints,
    lost_subtrees,
    parse_constraints,
    stored_constraints,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, check_key_type
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import (
    LONGEST_LEAF,
    LONGEST_ROOT,
    SHORTEST_MULTIPLE,
    Lifetimes,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.urls import Urls, check_urls

# Schema 2 has the fields of schema 1. Its number keeps 0.2.0 away, which would give the next root another path length.
# Schema 3 has URLs, which a release that knows none of them would forget.
# Schema 4 says whose the root is, whose key a release that knows only own ones would look for.
# Schema 5 says which root was imported, which a release that knows no such root would take for a foreign one.
SCHEMA = 5
OLDEST_SCHEMA = 1
WITHOUT_URLS = (1, 2)
WITHOUT_EXTERNAL_ROOT = (1, 2, 3)
WITHOUT_IMPORTED_ROOT = (1, 2, 3, 4)


@dataclass(frozen=True)
class Policy:
    """What the options of certificate_authority ask for. ``constraints`` is None for an unconstrained authority.
    ``external_root`` is whether the root is another authority's, which signs the issuing certificates;
    ``imported_root`` the fingerprint of one that another program made, an empty string for none."""

    subject: Subject
    key_type: KeyType
    constraints: NameConstraints | None
    lifetimes: Lifetimes
    urls: Urls
    external_root: bool = False
    imported_root: str = ""


def wanted_policy(options: Mapping[str, Any], existing: Policy | None, default_common_name: str) -> Policy:
    """The policy that the options of certificate_authority ask for.

    An option that was left out (None) keeps what the ``existing`` authority has, or takes the default for a new one.
    Raises PkiError for values that no authority can have.
    """
    base = existing or Policy(
        Subject(default_common_name),
        KeyType.ECDSA_P256,
        parse_constraints(list(DEFAULT_DOMAINS), list(DEFAULT_NETWORKS)),
        Lifetimes(),
        Urls(),
    )
    given = {key: value for key, value in (options.get("subject") or {}).items() if value is not None}
    if "country" in given:
        given["country"] = given["country"].upper()
    policy = Policy(
        subject=replace(base.subject, **given),
        key_type=KeyType(options["key_type"]) if options.get("key_type") else base.key_type,
        constraints=_wanted_constraints(options, base.constraints),
        lifetimes=replace(base.lifetimes, **_given(options, Lifetimes, "lifetime")),
        urls=replace(base.urls, **_given(options, Urls, "url")),
        external_root=base.external_root or options.get("issuing_request_path") is not None,
        imported_root=base.imported_root,
    )
    if existing is None or policy.subject != existing.subject:
        _check_subject(policy.subject)
    check_key_type(policy.key_type)
    _check_lifetimes(policy.lifetimes)
    check_urls(policy.urls)
    return policy


def _given(options: Mapping[str, Any], kind: type[Lifetimes | Urls], suffix: str) -> dict[str, Any]:
    """The fields of ``kind`` that options with this suffix are given for."""
    values = {field.name: options.get(f"{field.name}_{suffix}") for field in fields(kind)}
    return {name: value for name, value in values.items() if value is not None}


def refused_differences(existing: Policy, wanted: Policy) -> list[str]:
    """What an existing authority cannot become, one phrase each. Lifetimes and URLs may change, its certificates may
    not."""
    differences = []
    if existing.external_root != wanted.external_root:
        differences.append("its root is its own, so that no other authority signs its issuing certificate")
    if existing.key_type != wanted.key_type:
        differences.append(f"key_type is {existing.key_type.value}, not {wanted.key_type.value}")
    for field in fields(Subject):
        had, asked = getattr(existing.subject, field.name), getattr(wanted.subject, field.name)
        if had != asked:
            differences.append(f"subject.{field.name} is {had!r}, not {asked!r}")
    if existing.constraints == wanted.constraints:
        return differences
    if existing.constraints is None or wanted.constraints is None:
        words = {True: "unconstrained", False: "constrained"}
        differences.append(f"it is {words[existing.constraints is None]}, not {words[wanted.constraints is None]}")
        return differences
    for field in fields(NameConstraints):
        had, asked = getattr(existing.constraints, field.name), getattr(wanted.constraints, field.name)
        if set(had) != set(asked):
            differences.append(f"permitted_{field.name} is [{', '.join(had)}], not [{', '.join(asked)}]")
    return differences


def unfollowed(existing: Policy, wanted: Policy) -> str:
    """Why an authority cannot become what is ``wanted`` by another root either, to which all its leaves have to be able
    to follow: after the switch there is no way back. An empty string where it can."""
    if existing.external_root or wanted.external_root:
        return "An authority whose root is another authority's keeps that, and all that its certificates say."
    if existing.subject != wanted.subject:
        return f"An authority keeps its name, {existing.subject.common_name!r}, also with another root."
    lost = lost_subtrees(existing.constraints, wanted.constraints)
    if lost:
        return f"Another root that no longer permits {', '.join(lost)} is one to which leaves cannot all follow."
    return ""


def brought(policy: Policy, following: Policy) -> Policy:
    """The policy with all that a root of another key can bring of the one that is ``following``; lifetimes and URLs
    are no matter of roots."""
    return replace(policy, key_type=following.key_type, constraints=following.constraints)


def encode_policy(policy: Policy) -> bytes:
    """The policy as the JSON that is stored."""
    return json.dumps({"schema": SCHEMA, **asdict(policy)}, indent=2).encode() + b"\n"


def stored_schema(data: bytes) -> int:
    """The schema of a stored policy that :func:`decode_policy` accepts."""
    return int(json.loads(data)["schema"])


def decode_policy(data: bytes, path: str) -> Policy:
    """Read a stored policy back. Raises PkiError where the file is damaged, changed, or of an unknown schema."""
    try:
        stored = json.loads(data)
        schema = _typed({"schema": stored["schema"]}, int)["schema"]
        if schema > SCHEMA:
            raise PkiError(
                f"{path} was written by a newer release of anchorage.pki. Update the collection on this controller."
            )
        if schema < OLDEST_SCHEMA:
            raise ValueError("no release has written this schema")
        policy = Policy(
            subject=Subject(**_typed(stored["subject"], str)),
            key_type=KeyType(stored["key_type"]),
            constraints=_stored_constraints(stored["constraints"]),
            lifetimes=Lifetimes(**_typed(stored["lifetimes"], int)),
            urls=Urls() if schema in WITHOUT_URLS else Urls(**_typed(stored["urls"], str)),
            external_root=schema not in WITHOUT_EXTERNAL_ROOT and _flag(stored["external_root"]),
            imported_root="" if schema in WITHOUT_IMPORTED_ROOT else _fingerprint(stored["imported_root"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PkiError(f"{path} is damaged. Restore the authority's folder from a backup.") from error
    try:
        _check_lifetimes(policy.lifetimes)
        check_urls(policy.urls)
    except PkiError as error:
        raise PkiError(f"{path}: {error} Correct the file, or restore it from a backup.") from error
    return policy


def _typed(values: Any, kind: type) -> dict[str, Any]:
    """``values``, a dictionary. Raises TypeError where one of them is not of the ``kind``."""
    for value in dict(values).values():
        # To Python, true is a number.
        if not isinstance(value, kind) or isinstance(value, bool):
            raise TypeError(f"not of the type {kind}")
    return dict(values)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not of the type bool")
    return value


def _fingerprint(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("(?:[0-9a-f]{64})?", value):
        raise TypeError("not a SHA-256 fingerprint, and not empty")
    return value


def _stored_constraints(stored: Any) -> NameConstraints | None:
    if stored is None:
        return None
    lists = _typed(stored, list)
    try:
        return stored_constraints(lists["domains"], lists["networks"])
    except (PkiError, AttributeError) as error:  # a subtree that is none, or not even a text
        raise ValueError("not a name constraint") from error


def _wanted_constraints(options: Mapping[str, Any], base: NameConstraints | None) -> NameConstraints | None:
    domains, networks = options.get("permitted_domains"), options.get("permitted_networks")
    if options.get("unconstrained"):
        return None
    if domains is None and networks is None and options.get("unconstrained") is None:
        return base
    defaults = base or NameConstraints(DEFAULT_DOMAINS, DEFAULT_NETWORKS)
    wanted = parse_constraints(
        list(defaults.domains) if domains is None else domains,
        list(defaults.networks) if networks is None else networks,
    )
    # The order of the subtrees means nothing, so that another order is no difference.
    if base and set(base.domains) == set(wanted.domains) and set(base.networks) == set(wanted.networks):
        return base
    return wanted


def _check_subject(subject: Subject) -> None:
    for field in fields(Subject):
        value = getattr(subject, field.name)
        if value and not (value.strip() and value.isprintable()):
            raise PkiError(f"subject.{field.name}: {value!r} is blank or holds a character that cannot be seen.")
        if len(value) > LONGEST_NAME:
            raise PkiError(f"subject.{field.name}: at most {LONGEST_NAME} characters fit into a certificate.")
    # The issuing authority's own name is the root's with a suffix, and must fit too: cryptography counts its bytes.
    longest = LONGEST_NAME - len(" issuing 999")
    if not 1 <= len(subject.common_name.encode()) <= longest:
        raise PkiError(f"subject.common_name: give 1 to {longest} bytes (a letter outside ASCII has two or more).")
    if subject.country and not (len(subject.country) == 2 and subject.country.isalpha() and subject.country.isascii()):
        raise PkiError(f"subject.country: {subject.country!r} is not a country code of two letters, such as NO.")


def _check_lifetimes(lifetimes: Lifetimes) -> None:
    for field in fields(Lifetimes):
        if getattr(lifetimes, field.name) < 1:
            raise PkiError(f"{field.name}_lifetime: give one day or more.")
    if lifetimes.leaf > LONGEST_LEAF:
        raise PkiError(f"leaf_lifetime: {lifetimes.leaf} days are more than the {LONGEST_LEAF} that clients accept.")
    if lifetimes.root > LONGEST_ROOT:
        raise PkiError(f"root_lifetime: give at most {LONGEST_ROOT} days, a hundred years.")
    for shorter, longer in (
        ("leaf", "issuing"),
        ("issuing", "root"),
        ("responder", "issuing"),
        ("staple", "responder"),
    ):
        if getattr(lifetimes, shorter) * SHORTEST_MULTIPLE > getattr(lifetimes, longer):
            raise PkiError(
                f"{shorter}_lifetime: {getattr(lifetimes, shorter)} days leave no room for renewal within "
                f"{longer}_lifetime "
                f"({getattr(lifetimes, longer)} days), which must be twice as long at least."
            )
