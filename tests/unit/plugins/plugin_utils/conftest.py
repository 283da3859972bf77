# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authorities for the core's tests, at a time of their own: ``now`` is an argument everywhere."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy, wanted_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Signer,
    sign_leaf,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, PrivateKey, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import BACKDATE
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names
from cryptography import x509

#: Noon in UTC of the day on which the tests' authorities are made.
NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
NO_PASSPHRASES = Passphrases()
FOLDER_OF_0_2_0 = Path(__file__).resolve().parents[2] / "authority_0_2_0" / "authority"


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def make_authority() -> Callable[..., Authority]:
    """A function that does what a task of certificate_authority does: it makes, renews or completes an authority."""

    def make(folder: Path, passphrases: Passphrases = NO_PASSPHRASES, at: datetime = NOW, **options: Any) -> Authority:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return carry_out(plan_provisioning(folder, options, "Test authority", at), passphrases, at)

    return make


@pytest.fixture(scope="session")
def authority(make_authority: Callable[..., Authority], tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority with every default. Shared by all tests: read it only."""
    return make_authority(tmp_path_factory.mktemp("shared") / "authority")


@pytest.fixture
def own_authority(authority: Authority, tmp_path: Path) -> Authority:
    """A copy of the authority that a test may change."""
    return read_authority(shutil.copytree(authority.folder, tmp_path / "authority"))


@pytest.fixture
def folder_of_0_2_0(tmp_path: Path) -> Path:
    """The folder of an authority that release 0.2.0 made, with the modes that git does not keep. A test may change it.
    Last used four days after ``now``."""
    folder = Path(shutil.copytree(FOLDER_OF_0_2_0, tmp_path / "of-0.2.0"))
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return folder


@pytest.fixture(scope="session")
def issuing(authority: Authority) -> Signer:
    return Signer(authority.issuing.certificate, authority.issuing.key(None, "passphrase"))


@pytest.fixture(scope="session")
def responder(authority: Authority) -> Signer:
    key = authority.issuing.responder
    return Signer(key.certificate, key.key(None, "responder_passphrase"))


@pytest.fixture(scope="session")
def leaf_key() -> PrivateKey:
    return generate_key(KeyType.ECDSA_P256)


@pytest.fixture(scope="session")
def make_leaf(issuing: Signer, leaf_key: PrivateKey) -> Callable[..., x509.Certificate]:
    """A function that signs a leaf for the given names."""

    def make(
        *names: str,
        at: datetime = NOW,
        days: int = 90,
        profile: Profile = Profile.SERVER,
        signer: Signer = issuing,
        must_staple: bool = False,
    ) -> x509.Certificate:
        wanted = parse_names(list(names or ["app.test"]))
        validity = validity_from(at + BACKDATE, days)
        return sign_leaf(leaf_key.public_key(), signer, wanted, profile, validity, must_staple)

    return make


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The policy of an authority with every default."""
    return wanted_policy({}, None, "Test authority")


@pytest.fixture(scope="session")
def request_leaf() -> Callable[..., LeafRequest]:
    """A function that makes a request, as a task with the given options would."""

    def make(name: str = "app", names: tuple[str, ...] = ("app.test",), **options: Any) -> LeafRequest:
        given: dict[str, Any] = {
            "profile": Profile.SERVER,
            "key_type": KeyType.ECDSA_P256,
            "private_key": "controller",
            "lifetime": None,
            "staple": True,
            "must_staple": False,
            "pkcs12_passphrase": None,
            **options,
        }
        return LeafRequest(name=name, names=parse_names(list(names)), **given)

    return make


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder of root's while the test runs as nobody; skipped where the tests do not run as root."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    folder = Path(tempfile.mkdtemp(prefix="of-root-"))
    os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)
