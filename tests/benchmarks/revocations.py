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

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    carry_out,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.outcome import ResponsesOutcome
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import create_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import key_identifier
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
        folder = Path(scratch) / "authority"
        create_folder(folder)
        authority = carry_out(plan_provisioning(folder, {}, "Benchmark", NOW), Passphrases(), NOW)
        serials = [x509.random_serial_number() for _number in range(REVOCATIONS)]
        with open_ledger(authority.ledger_path) as ledger:
            enter(ledger, authority, serials)
            bare = statistics.median(sign_alone(authority, serials) for _round in range(ROUNDS))
            together = statistics.median(
                sign_and_publish(ledger, authority, Path(scratch) / "public", number) for number in range(ROUNDS)
            )
    print(f"a list of {REVOCATIONS}, signed by the library alone: {bare:6.2f} s (median of {ROUNDS})")
    print(f"the same, from the ledger to a file:        {together:6.2f} s, {together / bare:.2f} times as long")
    print(f"goal: at most {GOAL} times: {'met' if together <= GOAL * bare else 'missed'}")


def enter(ledger: Ledger, authority: Authority, serials: list[int]) -> None:
    """As many revoked leaves. Without their certificates, which a list does not look at."""
    now, end = int(NOW.timestamp()), int((NOW + 90 * DAY).timestamp())
    place = ("/etc/pki/anchorage", "app", "[]", "controller", now, end, b"")
    connection, issuer = ledger._connection, authority.issuing.sha256
    with ledger.transaction():
        connection.executemany(
            sql.INSERT_CERTIFICATE,
            (
                (f"{number:064x}", f"{serial:x}", "leaf", issuer, f"web{number}", *place)
                for number, serial in enumerate(serials)
            ),
        )
        for number in range(REVOCATIONS):
            ledger.revocations.enter(f"{number:064x}", "key_compromise", True, NOW)


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
    """The seconds from the ledger's entries to the published list; of responses there are none."""
    with ledger.transaction():
        ledger.revocations.take_number(key_identifier(authority.issuing.certificate), NOW + number * DAY)
    started = time.process_time()
    transaction = RevocationTransaction(authority, Passphrases(), ledger, public, NOW)
    transaction.publish(transaction.sign_lists(), ResponsesOutcome())
    seconds = time.process_time() - started
    (published,) = (path for path in public.glob("crl/*") if path.stat().st_size > REVOCATIONS)
    if len(x509.load_der_x509_crl(published.read_bytes())) != REVOCATIONS:
        sys.exit("the published list has another length than it should have")
    return seconds


if __name__ == "__main__":
    main()
