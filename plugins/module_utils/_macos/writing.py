# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of a Mac for a change of its trust settings and keychains, one step in each process.

It runs in the process that has loaded Apple's libraries, which may be killed or hang at any call: so nothing is kept
here that a later step needs. Bytes cross as base64. Each answer has ``failure``, as those of :mod:`anchor`.
"""

from __future__ import annotations

import binascii

from ansible_collections.anchorage.pki.plugins.module_utils._macos.anchor import answered, required
from ansible_collections.anchorage.pki.plugins.module_utils._macos.changing import ITEM_NOT_FOUND, Changing
from ansible_collections.anchorage.pki.plugins.module_utils._macos.security import Security, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NO_TRUST_SETTINGS = -25263


def export_settings(security: Security, ders: list[str], domain: int, keychain: str) -> dict[str, Any]:
    """All that a change could lose: ``export`` is the domain's, None for an empty one, and ``held`` has those of the
    certificates that the keychain has. Where it fails, nothing may be written."""

    def read(answer: dict[str, Any]) -> None:
        changing = Changing(security)
        answer["held"] = [der for der in ders if changing.holds(binascii.a2b_base64(der), keychain)]
        try:
            answer["export"] = binascii.b2a_base64(changing.export(domain), newline=False).decode()
        except StatusError as error:
            if error.code != _NO_TRUST_SETTINGS:
                raise
            answer["export"] = None

    return answered({}, read)


def trust_certificate(security: Security, der: str, domain: int, keychain: str) -> dict[str, Any]:
    """Put a certificate into a keychain, and have a domain trust it."""

    def write(_answer: dict[str, Any]) -> None:
        changing = Changing(security)
        with changing.certificate(binascii.a2b_base64(der)) as certificate:
            reference = required(certificate)
            changing.add(reference, keychain)
            changing.trust(reference, domain)

    return answered({}, write)


def forget_certificates(security: Security, ders: list[str], domain: int) -> dict[str, Any]:
    """Remove the trust settings of certificates from a domain, where it has some."""

    def write(_answer: dict[str, Any]) -> None:
        changing = Changing(security)
        for der in ders:
            with changing.certificate(binascii.a2b_base64(der)) as certificate:
                _forget(changing, required(certificate), domain)

    return answered({}, write)


def _forget(changing: Changing, certificate: int, domain: int) -> None:
    try:
        changing.forget(certificate, domain)
    except StatusError as error:
        if error.code not in (_NO_TRUST_SETTINGS, ITEM_NOT_FOUND):
            raise


def restore_settings(security: Security, export: str, domain: int) -> dict[str, Any]:
    """Put an export in the place of all trust settings of its domain."""
    return answered({}, lambda _answer: Changing(security).restore(domain, binascii.a2b_base64(export)))


def delete_certificates(security: Security, ders: list[str], keychain: str) -> dict[str, Any]:
    """Delete certificates from a keychain, where it has them."""

    def write(_answer: dict[str, Any]) -> None:
        changing = Changing(security)
        for der in ders:
            changing.delete(binascii.a2b_base64(der), keychain)

    return answered({}, write)


#: What the program can be asked for by these names.
OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "export_settings": export_settings,
    "trust_certificate": trust_certificate,
    "forget_certificates": forget_certificates,
    "restore_settings": restore_settings,
    "delete_certificates": delete_certificates,
}
