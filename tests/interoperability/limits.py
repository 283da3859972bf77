# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a verifier is known to decide otherwise than RFC 5280 does, and how exactly.

A limit that has gone with a newer release makes its tests fail, so that this table says what is true now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType
from interoperability.cases import CN_OUTSIDE, CONSTRAINED_BY_ROOT_ALONE, Case, Fault
from interoperability.verifiers import Verdict


@dataclass(frozen=True)
class Limit:
    """The verdict, with a pattern of its words, that a verifier gives on all chains to which the limit applies."""

    verifier: str
    applies: Callable[[KeyType, Case], bool]
    verdict: Verdict


# What cryptography finds in the leaf alone, before it comes to any key.
FOUND_IN_THE_LEAF = {Fault.EXPIRED, Fault.PURPOSE, Fault.NAME, Fault.NO_AUTHORITY}

LIMITS = [
    # GnuTLS does not implement URI constraints. What it looks for itself, hosts and mailboxes, is safe from such names.
    Limit(
        "GnuTLS",
        lambda key_type, case: case.fault is Fault.OUTSIDE and case.holds_a_uri,
        Verdict(True, "The certificate is trusted"),
    ),
    # NSS has Ed25519 for no certificate, up to release 3.110 at least.
    Limit("NSS", lambda key_type, case: key_type is KeyType.ED25519, Verdict(False, "Chain is bad")),
    # vfychain cannot be told which name to expect: that is left to the programs that use NSS.
    Limit("NSS", lambda key_type, case: case.fault is Fault.NAME, Verdict(True, "Chain is good")),
    # Java takes an anchor for a name and a key. This is why the issuing certificate repeats the constraints.
    Limit("Java", lambda key_type, case: case is CONSTRAINED_BY_ROOT_ALONE, Verdict(True, "accepted")),
    # cryptography looks at no CN, and takes no server without alternative names.
    Limit(
        "cryptography",
        lambda key_type, case: case is CN_OUTSIDE,
        Verdict(False, "leaf server certificate has no subjectAltName"),
    ),
    # cryptography follows the CA/Browser Forum, which allows for no Ed25519.
    Limit(
        "cryptography",
        lambda key_type, case: key_type is KeyType.ED25519 and case.fault not in FOUND_IN_THE_LEAF,
        Verdict(False, "Forbidden public key algorithm"),
    ),
    # cryptography does not implement URI constraints either, but then refuses every leaf with a URI.
    Limit("cryptography", lambda key_type, case: case.holds_a_uri, Verdict(False, "unsupported name constraint")),
]


def limited_verdict(verifier: str, key_type: KeyType, case: Case) -> Verdict | None:
    """What the first limit that applies makes of the case, or None where the verifier should simply be right."""
    applying = (limit for limit in LIMITS if limit.verifier == verifier and limit.applies(key_type, case))
    return next((limit.verdict for limit in applying), None)
