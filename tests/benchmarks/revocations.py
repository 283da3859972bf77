# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a list of many revocations costs: run with ``.venv/bin/python tests/benchmarks/revocations.py``.

Prints figures of one run on this machine, in seconds of the processor, since the machine may be busy with something
else: compare them with each other, as the ratios are what counts.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / "build" / "collections"
sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import create_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Signer,
    key_identifier,
    sign_leaf,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

REVOCATIONS = 10_000
ROUNDS = 5
#: Of what the library takes for the same list.
GOAL = 3
NOW = datetime.now(timezone.utc)
DAY = timedelta(days=1)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as scratch:
        bare, together = measure(Path(scratch), REVOCATIONS, ROUNDS)
    print(f"a list of {REVOCATIONS}, signed by the library alone: {bare:6.2f} s (median of {ROUNDS})")
    print(f"from the start of a run until it is published: {together:6.2f} s, {together / bare:.2f} times as long")
    print(f"goal: at most {GOAL} times: {'met' if together <= GOAL * bare else 'missed'}")


def measure(scratch: Path, revocations: int, rounds: int) -> tuple[float, float]:
    """The seconds for a list of so many ``revocations``, by the library alone and by a run that publishes it, each the
    median of ``rounds``. The OCSP responses about them were published before."""
    folder = scratch / "authority"
    create_folder(folder)
    authority = carry_out(plan_provisioning(folder, {}, "Benchmark", NOW), Passphrases(), NOW)
    with open_ledger(authority.ledger_path) as ledger:
        serials = enter(ledger, authority, revocations)
        RevocationTransaction(authority, Passphrases(), ledger, scratch / "public", NOW).complete(())
        bare = statistics.median(sign_alone(authority, serials) for _round in range(rounds))
        together = statistics.median(
            sign_and_publish(ledger, authority, scratch / "public", number) for number in range(1, rounds + 1)
        )
    (published,) = (crl for crl in map(read_list, scratch.glob("public/crl/*")) if len(crl))
    if {entry.serial_number for entry in published} != set(serials):
        sys.exit("the published list is another one than it should be")
    return bare, together


def read_list(path: Path) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(path.read_bytes())


def enter(ledger: Ledger, authority: Authority, revocations: int) -> list[int]:
    """As many revoked leaves; their serial numbers."""
    issuing, names = authority.issuing, parse_names(["app.test"])
    signer, key = Signer(issuing.certificate, issuing.key(None, "passphrase")), generate_key(KeyType.ECDSA_P256)
    serials = []
    with ledger.transaction():
        for number in range(revocations):
            place, validity = LeafPlace(f"web{number}", "/etc/pki/anchorage", "app"), validity_from(NOW, 90)
            leaf = sign_leaf(key.public_key(), signer, names, Profile.SERVER, validity, False)
            ledger.record_leaf(leaf, issuing.sha256, place, ["app.test"], "controller")
            ledger.revocations.enter(fingerprint(leaf), "key_compromise", True, NOW)
            serials.append(leaf.serial_number)
    return serials


def sign_alone(authority: Authority, serials: list[int]) -> float:
    """The seconds for a list with nothing of this collection."""
    key = authority.issuing.key(None, "passphrase")
    started = time.process_time()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.issuing.certificate.subject)
        .last_update(NOW)
        .next_update(NOW + 7 * DAY)
    )
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW)
        reason = x509.CRLReason(x509.ReasonFlags.key_compromise)
        builder = builder.add_revoked_certificate(entry.add_extension(reason, critical=False).build())
    builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    return time.process_time() - started


def sign_and_publish(ledger: Ledger, authority: Authority, public: Path, number: int) -> float:
    """The seconds of a run until its list is published, which comes before the responses."""
    with ledger.transaction():
        ledger.revocations.take_number(key_identifier(authority.issuing.certificate), NOW + number * DAY)
    started = time.process_time()
    RevocationTransaction(authority, Passphrases(), ledger, public, NOW).publish_lists()
    return time.process_time() - started


if __name__ == "__main__":
    main()
