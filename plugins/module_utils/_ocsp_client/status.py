# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status of an OCSP response (RFC 6960, section 4.2.1): whether it is an answer, or says why there is none."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError, children, is_whole_der

_ENUMERATED = 0x0A
SUCCESSFUL = "successful"
# Their responders ask for another attempt: the first after an error of their own, the second since they are busy.
TRANSIENT = ("internalError", "tryLater")
#: What it answers to a request that did not reach it as it was sent.
MALFORMED_REQUEST = "malformedRequest"
_NAMES = {0: SUCCESSFUL, 1: MALFORMED_REQUEST, 2: "internalError", 3: "tryLater", 5: "sigRequired", 6: "unauthorized"}


def response_status(der: bytes) -> str | None:
    """The name of the responseStatus, None where ``der`` is no OCSP response at all."""
    if not is_whole_der(der):
        return None
    try:
        ((_tag, start, end), *_more) = children(der, 0, len(der))
        (tag, start, end), *_more = children(der, start, end)
    except (DerError, ValueError):
        return None
    return _NAMES.get(der[start]) if tag == _ENUMERATED and end == start + 1 else None
