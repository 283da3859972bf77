# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OCSP responses for a server of files: good ones and revoked ones, signed before anybody asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import IssuingAuthority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import DueResponse
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.schedule import renew_at
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import (
    SignedResponse,
    StapleRequest,
    sign_response,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer


def sign_responses(
    due: Sequence[DueResponse], issuer: IssuingAuthority, responder: Signer, days: int, now: datetime
) -> Iterator[tuple[DueResponse, SignedResponse, datetime]]:
    """Each response that is ``due``, valid for ``days`` as a staple is, and from when on it is to be renewed."""
    for response in due:
        request = StapleRequest(response.certificate, issuer.certificate, responder, days)
        signed = sign_response(request, now, response.digest, response.revoked)
        yield response, signed, renew_at(response.certificate.serial_number, signed.this_update, signed.next_update)
