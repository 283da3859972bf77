# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What staples cost on the controller: run with ``.venv/bin/python tests/benchmarks/staples.py``.

Prints figures of one run on this machine, in seconds of the processor, since the machine may be busy with something
else: compare them with each other, as the ratios are what counts.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / "build" / "collections"
sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import DeployedLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.issuance import issue
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import Action, Decision, LeafPlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import verify
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import create_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Signer,
    sign_leaf,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names
from ansible_collections.anchorage.pki.tests.benchmarks.leaf_requests import leaf_request
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

RESPONSES = 10_000
TURN = 500
FLEETS = (1_000, 100_000)
DUE = 100
ROUNDS = 50
NOW = datetime.now(timezone.utc)
DAY = timedelta(days=1)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as scratch:
        folder = Path(scratch) / "authority"
        create_folder(folder)
        authority = carry_out(plan_provisioning(folder, {}, "Benchmark", NOW), Passphrases(), NOW)
        leaves = make_leaves(authority)
        responses = measure_signing(authority, leaves)
        measure_verification(authority, leaves, responses)
        measure_due(Path(scratch))


def make_leaves(authority: Authority) -> list[x509.Certificate]:
    """Leaves with one key, since keys are not what is measured."""
    key = generate_key(KeyType.ECDSA_P256).public_key()
    issuing = Signer(authority.issuing.certificate, authority.issuing.key(None, "passphrase"))
    names, validity = parse_names(["app.internal"]), validity_from(NOW, 90)
    return [sign_leaf(key, issuing, names, Profile.SERVER, validity) for _number in range(RESPONSES)]


def measure_signing(authority: Authority, leaves: list[x509.Certificate]) -> list[bytes]:
    """Responses that the library alone signs, and those that go through the gate and into the ledger: by turns of which
    the median counts, since the machine may be busy with something else in between."""
    bare, recorded, responses = [], [], []
    with open_ledger(authority.ledger_path) as ledger:
        plans = enter(ledger, authority, leaves)
        for first in range(0, RESPONSES, TURN):
            started = time.process_time()
            for leaf in leaves[first : first + TURN]:
                sign_alone(authority, leaf)
            between = time.process_time()
            signed = issue(plans[first : first + TURN], authority, Passphrases(), ledger, NOW)
            bare.append((between - started) * RESPONSES / TURN)
            recorded.append((time.process_time() - between) * RESPONSES / TURN)
            responses += [leaf.delivery.staple for leaf in signed]
    alone, together = statistics.median(bare), statistics.median(recorded)
    print(f"{RESPONSES} responses signed by the library alone:     {alone:6.2f} s")
    print(f"the same, verified and recorded:               {together:6.2f} s, {together / alone:.2f} times as long")
    return responses


def enter(ledger: Ledger, authority: Authority, leaves: list[x509.Certificate]) -> list[LeafPlan]:
    """A plan for a staple of each leaf, which is entered in the ledger first."""
    plans = []
    with ledger.transaction():
        for number, certificate in enumerate(leaves):
            request = leaf_request("app", "app")
            place = LeafPlace(f"web{number}", "/etc/pki/anchorage", "app")
            ledger.record_leaf(certificate, authority.issuing.sha256, place, ["app.internal"], "controller")
            record = ledger.leaf(place, fingerprint(certificate))
            plans.append(LeafPlan(request, DeployedLeaf("app", 1), record, Decision(Action.STAPLE, "benchmark"), place))
    return plans


def sign_alone(authority: Authority, leaf: x509.Certificate) -> bytes:
    """A response with nothing of this collection."""
    responder = signer(authority)
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=leaf,
            issuer=authority.issuing.certificate,
            algorithm=hashes.SHA1(),  # noqa: S303 an identifier, not a signature
            cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=NOW,
            next_update=NOW + 7 * DAY,
            revocation_time=None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
        .certificates([responder.certificate])
    )
    return builder.sign(responder.key, hashes.SHA256()).public_bytes(Encoding.DER)


_SIGNERS: dict[Path, Signer] = {}


def signer(authority: Authority) -> Signer:
    """The responder, unlocked once."""
    responder = authority.issuing.responder
    if responder.folder not in _SIGNERS:
        _SIGNERS[responder.folder] = Signer(responder.certificate, responder.key(None, "responder_passphrase"))
    return _SIGNERS[responder.folder]


def measure_verification(authority: Authority, leaves: list[x509.Certificate], responses: list[bytes]) -> None:
    """Each response once, as the gate verifies it."""
    started = time.process_time()
    found = [verify(der, leaf, authority.issuing.certificate, NOW) for der, leaf in zip(responses, leaves, strict=True)]
    seconds = time.process_time() - started
    if any(verification.problem for verification in found):
        sys.exit("a good staple was refused")
    print(f"verifications:                               {len(found) / seconds:6.0f} a second")


def measure_due(folder: Path) -> None:
    """What is due, of fleets that differ in their size alone."""
    medians = {}
    for fleet in FLEETS:
        path = folder / f"ledger-{fleet}.sqlite3"
        with open_ledger(path, create=True) as ledger:
            fill(ledger, fleet)
            medians[fleet] = median(lambda ledger=ledger: ledger.due_staples(NOW))  # type: ignore[misc]
            if len(ledger.due_staples(NOW)) != DUE:
                sys.exit("another number of staples is due than there should be")
    small, large = (medians[fleet] for fleet in FLEETS)
    print(f"{DUE} staples that are due among {FLEETS[0]}:        {small * 1000:6.2f} ms (median of {ROUNDS})")
    print(
        f"{DUE} among {FLEETS[1]}:                           {large * 1000:6.2f} ms, {large / small:.2f} times as long"
    )


def fill(ledger: Ledger, fleet: int) -> None:
    """Leaves with a staple in use each, of which some are due. Without certificates, which are not looked at."""
    now, end = int(NOW.timestamp()), int((NOW + 90 * DAY).timestamp())
    connection = ledger._connection
    place = ("/etc/pki/anchorage", "app", "[]", "controller", now, end, b"")
    with ledger.transaction():
        connection.executemany(
            sql.INSERT_CERTIFICATE,
            ((f"{number:064x}", f"{number:x}", "leaf", "", f"web{number}", *place) for number in range(fleet)),
        )
        connection.executemany(
            sql.INSERT_STAPLE,
            (
                (f"{number:064x}", f"{number:064x}", now, end, now + (number - DUE) * 10 + 1, b"")
                for number in range(fleet)
            ),
        )
        connection.execute("UPDATE certificates SET status = 'deployed'")
        connection.execute("UPDATE staples SET in_use = 1")


def median(function: Callable[[], object]) -> float:
    """The median of the seconds that ``function`` takes."""
    seconds = []
    for _round in range(ROUNDS):
        started = time.process_time()
        function()
        seconds.append(time.process_time() - started)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
