# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in an authority's folder, entered in its ledger."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    CertifiedKey,
    fingerprint,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import is_issued_by


def enter(authority: Authority, ledger: Ledger) -> None:
    """Enter every certificate of the folder that the ledger does not have, those of an interrupted run included. The
    root of another authority is no record of this one's."""
    for root in authority.own_roots:
        ledger.record_own("root", root.certificate, root.sha256)
    for epoch in authority.epochs:
        if epoch.cross is not None:
            former = [root for root in authority.roots if is_issued_by(epoch.cross, root.certificate)]
            ledger.record_own("root", epoch.cross, _signer_of(epoch.cross, former).sha256)
        for issuer in epoch.issuers:
            signer = issuer.intermediates[:1] or [_signer_of(issuer.certificate, epoch.roots).certificate]
            ledger.record_own("issuing", issuer.certificate, fingerprint(signer[0]))
            for responder in issuer.responders:
                ledger.record_own("responder", responder.certificate, issuer.sha256)


def _signer_of(certificate: x509.Certificate, roots: Sequence[CertifiedKey]) -> CertifiedKey:
    """Which of these roots with one key signed it: the newest one then, or where a clock was behind the first one."""
    start = certificate.not_valid_before_utc
    return [roots[0], *(root for root in roots if root.certificate.not_valid_before_utc <= start)][-1]
