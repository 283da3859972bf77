# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet with leaves and staples, as runs left it, and revocations in it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    fingerprint,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import LeafPlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.transaction import LeafTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.results import revocation_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.tests.unit.function_host import Host
from cryptography import x509

DESTINATION = "/etc/pki/anchorage"
#: Where the leaf on the one host is.
PLACE = LeafPlace("web1", DESTINATION, "app")
OPTIONS = {"reason": "key_compromise"}


@dataclass
class Fleet:
    """An authority with a leaf, and a staple in use, on each of its hosts."""

    authority: Authority
    leaves: dict[str, x509.Certificate]
    public: Path
    now: datetime
    passphrases: Passphrases = field(default_factory=Passphrases)

    @property
    def ledger_path(self) -> Path:
        return self.authority.ledger_path

    def run(self, publish: bool = True, check: bool = False, after: timedelta = timedelta(), **options: Any) -> Any:
        """What a task says that revokes, and publishes."""
        now, folder = self.now + after, self.public if publish else None
        with open_ledger(self.ledger_path, read_only=check) as ledger:
            authority = read_authority(self.authority.folder)
            transaction = RevocationTransaction(authority, self.passphrases, ledger, folder, now)
            outcome = (transaction.plan if check else transaction.carry_out)({**NOTHING, **OPTIONS, **options})
        return revocation_result(outcome, folder, now)

    def crl(self, signer: x509.Certificate | None = None) -> x509.CertificateRevocationList:
        """What is published of the issuing authority, or of another one."""
        certificate = signer or self.authority.issuing.certificate
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex()
        return x509.load_der_x509_crl((self.public / "crl" / f"{identifier}.crl").read_bytes())

    def at(self, after: timedelta) -> Fleet:
        return replace(self, now=self.now + after)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory, where there is such a place: these tests commit thousands of times, and would wait for the
    disk each time."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def fleet(
    own_authority: Authority,
    make_leaf: Callable[..., x509.Certificate],
    issuing: Signer,
    responder: Signer,
    tmp_path: Path,
    now: datetime,
) -> Fleet:
    leaves = {}
    with open_ledger(own_authority.ledger_path) as ledger, ledger.transaction():
        for host in ("web1", "web2"):
            place, leaf = LeafPlace(host, DESTINATION, "app"), make_leaf()
            staple = sign_staple(leaf, issuing.certificate, responder, 7, now)
            ledger.record_leaf(leaf, own_authority.issuing.sha256, place, ["app.test"], "controller")
            ledger.record_staple(staple, fingerprint(leaf))
            ledger.mark_deployed(place, fingerprint(leaf), staple.sha256, now)
            leaves[host] = leaf
    return Fleet(own_authority, leaves, tmp_path / "public", now)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def renew(own_authority: Authority, host: Host, request_leaf, now: datetime) -> Callable[..., LeafPlan]:
    """A function that does what a task of leaf_certificate does for the host, and returns its plan."""

    def run(
        at: datetime = now,
        authority: Authority = own_authority,
        issues: bool = True,
        folder: Path | None = None,
        check: bool = False,
        **options: Any,
    ) -> LeafPlan:
        with open_ledger(authority.ledger_path) as ledger:
            transaction = LeafTransaction(authority, Passphrases(), ledger, host, None, at, issues, folder)
            plans, _inspection = transaction.plan([request_leaf("app", **options)], [PLACE])
            (transaction.preflight if check else transaction.carry_out)(plans)
        return plans[0]

    return run
