# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where new keys of an authority are made: in its folder, or on a PKCS#11 token.

The keys of the root and of the issuing authority are where an option wants them, else where the former one is, so that
forgetting an option never puts a key into a file. The responder's key is a file: it signs many staples in each run.
"""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, CertifiedKey
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import IssuingRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.keys import check_token, new_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.sessions import Tokens
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.uris import KeyUri
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import (
    KeyType,
    PrivateKey,
    PublicKey,
    generate_key,
)


def root_key_place(authority: Authority | None, tokens: Tokens) -> KeyUri | None:
    """The token, or the key on it, for a root with a new key; None for a file."""
    return tokens.root or _of(authority.root if authority and authority.epochs else None)


def issuing_key_place(authority: Authority | None, tokens: Tokens) -> KeyUri | None:
    """The same for a new issuing authority."""
    if authority is None:
        return tokens.issuing
    former = authority.request or (authority.issuers[-1] if authority.issuers else None)
    return tokens.issuing or _of(former)


def make_key(
    authority: Authority | None, place: KeyUri | None, key_type: KeyType, label: str, tokens: Tokens
) -> PrivateKey:
    """A new key for the authority at that place, labelled so on a token. Raises PkiError."""
    if place is None:
        return generate_key(key_type)
    return new_key(place, key_type, label, tokens, _used(authority))


def check_places(authority: Authority | None, places: list[KeyUri | None], key_type: KeyType, tokens: Tokens) -> None:
    """Raise PkiError now where a key could not be made at one of these places: before anything is written down."""
    used = _used(authority)
    for place in places:
        if place is not None:
            used += check_token(place, key_type, tokens, used)


def check_root_place(authority: Authority | None, policy: Policy, wanted: KeyUri | None) -> None:
    """Raise PkiError where the root's key is not where it is ``wanted``, nor that of one which a rotation brings: only
    another root has another key."""
    if wanted is None:
        return
    if policy.external_root:
        raise PkiError(
            "root_key_uri: the root is another authority's, which has its key. Leave the option out, and say by "
            "issuing_key_uri where the key of the issuing authority is to be."
        )
    if authority is None or any(is_there(epoch.root, wanted) for epoch in authority.epochs):
        return
    place = authority.root.key_uri or "a file"
    raise PkiError(
        f"root_key_uri: the key of the root of {authority.folder} is in {place}, and stays there. Leave the option "
        "out, or have the playbook anchorage.pki.rotate_authority bring another root with it, without an outage."
    )


def check_request_place(authority: Authority | None, wanted: KeyUri | None) -> None:
    """Raise PkiError where the key of the request for an issuing certificate is not where it is ``wanted``."""
    request = authority.request if authority else None
    if wanted is None or request is None or is_there(request, wanted):
        return
    raise PkiError(
        f"issuing_key_uri: the key of the request {request.path} is in {request.key_uri or 'a file'}, and stays there. "
        f"Leave the option out until the certificate has come, or delete {request.folder} to have another request made."
    )


def is_there(holder: CertifiedKey | IssuingRequest, wanted: KeyUri) -> bool:
    """Whether a key is where it is ``wanted``."""
    return holder.key_uri is not None and holder.key_uri.is_within(wanted)


def _of(former: CertifiedKey | IssuingRequest | None) -> KeyUri | None:
    return former.key_uri.token_alone() if former is not None and former.key_uri is not None else None


def _used(authority: Authority | None) -> list[PublicKey]:
    if authority is None:
        return []
    public_keys = [holder.certificate.public_key() for holder in (*authority.roots, *authority.issuers)]
    requested = [authority.request.request.public_key()] if authority.request else []
    return [*public_keys, *requested]  # type: ignore[list-item]
