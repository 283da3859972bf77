# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger held against what a host has: a look, which changes neither of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import DeployedLeaf, Inquiry
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace, LeafRecord
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.adoption import certificate_of, signer_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.host import CallHost, inspect, show

NOTHING_THERE = "nothing there"
ANOTHER_LEAF = "another leaf"
UNKNOWN_LEAF = "unknown leaf"
DAMAGED = "damaged"
FOREIGN = "foreign certificate"


@dataclass(frozen=True)
class Difference:
    """What a host has at a place that the ledger says otherwise: what kind of difference, and the serial numbers in the
    ledger and on the host, empty where there is none."""

    place: LeafPlace
    kind: str
    detail: str
    recorded: str = ""
    found: str = ""


@dataclass(frozen=True)
class Verification:
    """How many places of a host the ledger has, and where the host differs."""

    places: int
    differences: tuple[Difference, ...]


def verify_host(
    host: str,
    destination: str,
    call_of: Callable[[str], CallHost],
    authority: Authority,
    ledger: Ledger,
) -> Verification:
    """Compare what the ledger has for the host with what is there, in all folders that the ledger knows, and in
    ``destination``; ``call_of`` gives the way to the host for one of them. Raises PkiError, HostFailedError."""
    places = list(ledger.places(host))
    differences: list[Difference] = []
    for folder in sorted({destination, *(place.destination for place in places)}):
        here = [place for place in places if place.destination == folder]
        comparison = _Comparison(host, folder, call_of(folder), authority, ledger)
        differences += comparison.differences(here)
    return Verification(len(places), tuple(differences))


@dataclass(frozen=True)
class _Comparison:
    """The ledger and one folder of a host."""

    host: str
    folder: str
    call: CallHost
    authority: Authority
    ledger: Ledger

    def differences(self, places: Sequence[LeafPlace]) -> Iterator[Difference]:
        """Where they differ at these places of the ledger's, and leaves of the folder at others."""
        inspection = inspect(self.call, [Inquiry(place.name) for place in places], None)
        records = [self.ledger.current_leaf(place) for place in places]
        differing = [
            (place, record, leaf)
            for place, record, leaf in zip(places, records, inspection.certificates, strict=True)
            if record is not None and leaf.leaf_sha256 != record.sha256
        ]
        names = [leaf.name for _place, _record, leaf in differing if leaf.leaf_sha256]
        shown = show(self.call, [*names, *inspection.others]) if names or inspection.others else {}
        for place, record, leaf in differing:
            yield self._difference(place, record, leaf, shown.get(leaf.name, ""))
        for name in inspection.others:
            yield from self._other(name, shown[name])

    def _difference(self, place: LeafPlace, record: LeafRecord, leaf: DeployedLeaf, pem: str) -> Difference:
        recorded = f"{record.certificate.serial_number:x}"
        if leaf.damage:
            return Difference(place, DAMAGED, leaf.damage, recorded)
        if leaf.generation == 0:
            state = "was signed, and nobody saw it arrive" if record.status == "signed" else "is not there"
            return Difference(place, NOTHING_THERE, f"the leaf {recorded} {state}", recorded)
        certificate = certificate_of(pem, leaf.leaf_sha256)
        kind, detail = self._told(certificate)
        found = f"{certificate.serial_number:x}" if certificate else ""
        return Difference(place, kind, f"{detail} is there, and not {recorded}", recorded, found)

    def _told(self, certificate: x509.Certificate | None) -> tuple[str, str]:
        """What a certificate is that the ledger does not have there: the kind of difference, and words for it."""
        if certificate is None:
            return FOREIGN, "something that is no certificate"
        serial = f"{certificate.serial_number:x}"
        known = self.ledger.revocations.known(fingerprint(certificate))
        if known is not None:
            return ANOTHER_LEAF, f"the leaf {serial} ({known.status})"
        if signer_of(certificate, self.authority) is not None:
            return UNKNOWN_LEAF, f"the leaf {serial}, which this authority signed and the ledger does not know,"
        return FOREIGN, f"the certificate {serial} of another authority"

    def _other(self, name: str, pem: str) -> Iterator[Difference]:
        """The difference that a leaf makes which the ledger has not in use there. One of another authority makes none:
        it is in the ledger of that."""
        place = LeafPlace(self.host, self.folder, name)
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
        except (ValueError, x509.InvalidVersion):
            return
        kind, detail = self._told(certificate)
        if kind != FOREIGN:
            serial = f"{certificate.serial_number:x}"
            yield Difference(place, kind, f"{detail} is there, and none in the ledger", "", serial)
