# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roots in the trust store of Windows, by the function of Python's ssl that reads it there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.files import Gathering, Problem
from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_facts import is_valid_at
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError

#: ``ssl.enum_certificates``: for each entry of a store its bytes, how they are encoded, and what it is trusted for, as
#: object identifiers or True for all.
EnumerateStore = Callable[[str], list[tuple[bytes, str, Any]]]

_STORE = "ROOT"
_CERTIFICATE = "x509_asn"  # and not PKCS#7
_SERVER_AUTHENTICATION = "1.3.6.1.5.5.7.3.1"


def enumerate_store() -> EnumerateStore:
    """The function of Python's ssl, which no other platform has."""
    import ssl  # takes as long as everything else

    return cast(EnumerateStore, getattr(ssl, "enum_certificates"))  # noqa: B009 (unknown to type checkers elsewhere)


def gather_windows(gathering: Gathering, now: datetime, enumerate_certificates: EnumerateStore) -> None:
    """Add the roots of the store, as the user sees it, that may vouch for TLS servers and are valid at ``now``.

    Raises HostError where it cannot be read.
    """
    location = gathering.probe(_STORE, "store")
    try:
        entries = enumerate_certificates(_STORE)
    except OSError as error:
        raise HostError(
            f"The store {_STORE} of Windows cannot be read: {error.strerror or error}. Try again, or name a file of "
            "roots in PEM with the environment variable SSL_CERT_FILE."
        ) from error
    for content, encoding, purposes in entries:
        for_servers = purposes is True or _SERVER_AUTHENTICATION in purposes
        try:
            wanted = encoding == _CERTIFICATE and for_servers and is_valid_at(content, now)
        except DerError as error:
            gathering.problems.append(Problem(_STORE, f"an entry is not a certificate: {error}"))
            continue
        if wanted:
            gathering.add(content, _STORE)
        location["certificates" if wanted else "skipped"] += 1
    location["state"] = "read"
