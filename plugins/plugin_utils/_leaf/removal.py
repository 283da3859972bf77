# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaves that are to be absent, without those of another authority that have taken their place: a server has them."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Removal
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.adoption import signer_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.host import CallHost, remove, show


def remove_own(
    call: CallHost, places: Sequence[LeafPlace], authority: Authority | None, forgets: bool
) -> tuple[Removal, list[str]]:
    """Have the host remove the leaves at ``places``, and the names of those that stay, since another authority has put
    its own where the ledger of this one knows that it had one. Without an ``authority``, nobody can tell. The ledger
    ``forgets`` that its own are in use.

    Raises PkiError, HostFailedError.
    """
    kept = _taken_over(call, places, authority) if authority else []
    names = [place.name for place in places if place.name not in kept]
    removal = remove(call, names) if names else Removal(False)
    if authority is not None and forgets:
        _forget(places, authority)
    return removal, kept


def _taken_over(call: CallHost, places: Sequence[LeafPlace], authority: Authority) -> list[str]:
    with open_ledger(authority.ledger_path, read_only=True) as ledger:
        had = {place for host in {place.host for place in places} for place in ledger.entries.places_ever(host)}
        former = [place.name for place in places if place in had]
        shown = show(call, former) if former else {}
        return [name for name, pem in shown.items() if _is_anothers(pem, authority, ledger)]


def _is_anothers(pem: str, authority: Authority, ledger: Ledger) -> bool:
    """Whether a host shows the certificate of another authority. What is no certificate is nobody's."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except (ValueError, x509.InvalidVersion):
        return False
    is_known = ledger.revocations.known(fingerprint(certificate)) is not None
    return not is_known and signer_of(certificate, authority) is None


def _forget(places: Sequence[LeafPlace], authority: Authority) -> None:
    """Note in the ledger that nothing is in use at ``places`` any more. Raises PkiError."""
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        for place in places:
            ledger.mark_removed(place)
