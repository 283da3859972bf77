# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One anchor on a Mac: what its trust settings, keychains and an evaluation say, and changes of them.

It runs in the process that has loaded Apple's libraries. Bytes cross as base64. No write is tried again, ever: macOS
begins a record anew that it cannot read, without the entries of others. So the domain is exported before, looked at
afterwards, and restored where an entry of others was lost. In each answer ``failure`` is None, or has a ``code`` and a
``message``, either of which may be None.
"""

from __future__ import annotations

import binascii
from contextlib import ExitStack

from ansible_collections.anchorage.pki.plugins.module_utils._macos.changing import ITEM_NOT_FOUND, Changing
from ansible_collections.anchorage.pki.plugins.module_utils._macos.core_foundation import UnexpectedValue
from ansible_collections.anchorage.pki.plugins.module_utils._macos.reading import failure_of, read_certificate
from ansible_collections.anchorage.pki.plugins.module_utils._macos.security import Security, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NO_TRUST_SETTINGS = -25263


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

    return _answered({}, look)


def _inspect(
    changing: Changing, security: Security, der: bytes, domains: list[int], keychains: list[str]
) -> dict[str, Any]:
    with changing.certificate(der) as certificate:
        reference = _required(certificate)
        found = [read_certificate(security, reference, domain) for domain in domains]
    return {
        "domains": [{"failure": None, "certificates": [each]} for each in found],
        "held": [path for path in keychains if changing.holds(der, path)],
        "refusal": _refusal(changing, [der], None),
    }


def _refusal(changing: Changing, chain: list[bytes], server: str | None) -> dict[str, Any] | None:
    """Why the first certificate of a chain is not trusted, as in ``failure``; None where it is."""
    with ExitStack() as stack:
        references = [_required(stack.enter_context(changing.certificate(der))) for der in chain]
        refusal = changing.refusal(references, server)
    return failure_of(refusal) if refusal else None


def install_anchor(security: Security, der: str, domain: int, keychain: str, patience: float) -> dict[str, Any]:
    """Put a certificate into a keychain and have a domain trust it, or leave everything as it was.

    ``written`` says whether the domain has new settings, ``added`` whether the keychain has a new item, ``before`` is
    the domain's export, None for an empty one. ``lost`` has the SHA-1 of others' entries that macOS lost in writing,
    ``restored`` says whether these were put back, and with them the domain as it was. ``waited`` says that nobody
    answered within ``patience`` seconds.
    """
    answer: dict[str, Any] = {"written": False, "added": False, "before": None, **_NOTHING_LOST}
    changing, raw = Changing(security), binascii.a2b_base64(der)

    def write(answer: dict[str, Any]) -> None:
        before = _export(changing, domain)
        answer["before"] = _base64(before)
        with changing.certificate(raw) as certificate:
            reference = _required(certificate)
            answer["added"] = changing.add(reference, keychain)
            changing.trust(reference, domain)
        answer["written"] = True
        answer["written"] = not _put_back(changing, domain, before, set(), answer)

    answer = _within(patience, answer, write)
    if answer["added"] and not answer["written"]:
        answer["added"] = False
        return {**answer, **_answered({}, lambda _: changing.delete(raw, keychain), answer["failure"])}
    return answer


def remove_anchors(
    security: Security, ders: list[str], domain: int, keychain: str, may_empty: bool, is_planned: bool, patience: float
) -> dict[str, Any]:
    """Remove the trust settings of certificates from a domain, and then the certificates from a keychain; nothing of
    that where it ``is_planned`` alone.

    ``last`` says that nothing was done, since they are all that the domain has, and ``may_empty`` is not set.
    ``before``, ``lost``, ``restored`` and ``waited`` are as in :func:`install_anchor`.
    """
    changing, raws = Changing(security), [binascii.a2b_base64(der) for der in ders]

    def write(answer: dict[str, Any]) -> None:
        before, own = _export(changing, domain), {_sha1(raw) for raw in raws}
        answer["before"] = _base64(before)
        present = own & _entries(before)
        answer["last"] = bool(present) and present == _entries(before) and not may_empty
        if answer["last"] or is_planned:
            return
        for raw in raws:
            with changing.certificate(raw) as certificate:
                _forget(changing, _required(certificate), domain)
        if not _put_back(changing, domain, before, own, answer):
            for raw in raws:
                changing.delete(raw, keychain)

    return _within(patience, {"last": False, "before": None, **_NOTHING_LOST}, write)


def restore_settings(
    security: Security, der: str, domain: int, keychain: str | None, before: str | None, patience: float
) -> dict[str, Any]:
    """Undo an installation: what :func:`install_anchor` exported takes the place of the domain's settings, and the
    certificate goes from the keychain, None where it was there before. ``waited`` is as there."""
    changing, raw = Changing(security), binascii.a2b_base64(der)

    def write(_answer: dict[str, Any]) -> None:
        if before is None:
            with changing.certificate(raw) as certificate:
                _forget(changing, _required(certificate), domain)
        else:
            changing.restore(domain, binascii.a2b_base64(before))
        if keychain is not None:
            changing.delete(raw, keychain)

    return _within(patience, {}, write)


_NOTHING_LOST: dict[str, Any] = {"lost": [], "restored": False}


def _answered(
    answer: dict[str, Any], work: Callable[[dict[str, Any]], None], failure: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The answer that ``work`` completes, and what went wrong in it, or had before."""
    try:
        work(answer)
    except (StatusError, UnexpectedValue) as error:
        failure = failure or failure_of(error)
    answer["failure"] = failure
    return answer


def _within(patience: float, answer: dict[str, Any], work: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The same in a thread, which is left to itself where macOS waits for a person who does not come."""
    import threading  # which a look does without

    worker = threading.Thread(target=_answered, args=(answer, work), daemon=True)
    worker.start()
    worker.join(patience)
    return {"failure": None, **answer, "waited": worker.is_alive()}


def _export(changing: Changing, domain: int) -> bytes | None:
    """The domain's export; None where it has no settings. Raises StatusError: nothing may be written then."""
    try:
        return changing.export(domain)
    except StatusError as error:
        if error.code == _NO_TRUST_SETTINGS:
            return None
        raise


def _base64(export: bytes | None) -> str | None:
    return None if export is None else binascii.b2a_base64(export, newline=False).decode()


def _entries(export: bytes | None) -> set[str]:
    """The SHA-1 of each certificate in an export, in upper-case hexadecimal."""
    import plistlib  # which a look does without

    return set() if export is None else set(plistlib.loads(export)["trustList"])


def _sha1(der: bytes) -> str:
    import hashlib

    return hashlib.sha1(der).hexdigest().upper()  # noqa: S324 - it is the name of an entry


def _put_back(changing: Changing, domain: int, before: bytes | None, own: set[str], answer: dict[str, Any]) -> bool:
    """Restore the domain where a write lost entries that were not ``own``; whether that was needed and done."""
    answer["lost"] = sorted(_entries(before) - own - _entries(_export(changing, domain)))
    if not answer["lost"] or before is None:
        return False
    changing.restore(domain, before)
    answer["restored"] = True
    return True


def _forget(changing: Changing, certificate: int, domain: int) -> None:
    try:
        changing.forget(certificate, domain)
    except StatusError as error:
        if error.code not in (_NO_TRUST_SETTINGS, ITEM_NOT_FOUND):
            raise


def _required(certificate: int | None) -> int:
    if certificate is None:
        raise UnexpectedValue("macOS cannot read the certificate")
    return certificate


#: What the program can be asked for about an anchor.
OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "inspect_anchors": inspect_anchors,
    "install_anchor": install_anchor,
    "remove_anchors": remove_anchors,
    "restore_settings": restore_settings,
}
