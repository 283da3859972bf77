# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the trust settings, keychains and an evaluation of a Mac say of certificates.

It runs in the process that has loaded Apple's libraries. Bytes cross as base64. In each answer ``failure`` is None, or
has a ``code`` and a ``message``, either of which may be None.
"""

from __future__ import annotations

import binascii

from ansible_collections.anchorage.pki.plugins.module_utils._macos.changing import Changing
from ansible_collections.anchorage.pki.plugins.module_utils._macos.core_foundation import UnexpectedValue
from ansible_collections.anchorage.pki.plugins.module_utils._macos.reading import failure_of, read_certificate
from ansible_collections.anchorage.pki.plugins.module_utils._macos.security import Security, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def inspect_anchors(
    security: Security, ders: list[str], domains: list[int], keychains: list[str], chain: list[str], server: str
) -> dict[str, Any]:
    """What the Mac says of certificates, and who asks.

    ``session`` as in :meth:`Changing.session`. Of each certificate in ``anchors``: ``domains`` as in :mod:`reading`
    with it alone, ``held`` the paths of the keychains that have it, and in ``refusal`` why an evaluation does not trust
    it, as in ``failure``. ``server_refusal`` says the same of the leaf with which ``chain`` begins, as that of a server
    of this name; it is only there where there is a leaf, and the first certificate is trusted.
    """

    def look(answer: dict[str, Any]) -> None:
        changing = Changing(security)
        answer["session"] = changing.session()
        answer["anchors"] = [_inspect(changing, security, binascii.a2b_base64(der), domains, keychains) for der in ders]
        if chain and answer["anchors"][0]["refusal"] is None:
            answer["server_refusal"] = _refusal(changing, [binascii.a2b_base64(der) for der in chain], server)

    return answered({}, look)


def _inspect(
    changing: Changing, security: Security, der: bytes, domains: list[int], keychains: list[str]
) -> dict[str, Any]:
    with changing.certificate(der) as certificate:
        reference = required(certificate)
        found = [read_certificate(security, reference, domain) for domain in domains]
    return {
        "domains": [{"failure": None, "certificates": [each]} for each in found],
        "held": [path for path in keychains if changing.holds(der, path)],
        "refusal": _refusal(changing, [der], None),
    }


def _refusal(
    changing: Changing, chain: list[bytes], server: str | None, held: tuple[int, ...] = ()
) -> dict[str, Any] | None:
    """Why the first certificate of a chain is not trusted, as in ``failure``; None where it is. Those before ``chain``
    are ``held`` already: to import contextlib would take a sixth of the program's time."""
    if chain:
        with changing.certificate(chain[0]) as certificate:
            return _refusal(changing, chain[1:], server, (*held, required(certificate)))
    refusal = changing.refusal(list(held), server)
    return failure_of(refusal) if refusal else None


def answered(answer: dict[str, Any], work: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The answer that ``work`` completes, and what went wrong in it."""
    answer["failure"] = None
    try:
        work(answer)
    except (StatusError, UnexpectedValue) as error:
        answer["failure"] = failure_of(error)
    return answer


def required(certificate: int | None) -> int:
    """The certificate. Raises UnexpectedValue where the bytes made none."""
    if certificate is None:
        raise UnexpectedValue("macOS cannot read the certificate")
    return certificate
