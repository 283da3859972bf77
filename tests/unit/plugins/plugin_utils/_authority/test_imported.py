# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An authority from a root that another program made: what is taken, kept, said and refused."""

from __future__ import annotations

import stat
import traceback
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.imported import (
    Import,
    imported_warnings,
    read_import,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import decode_policy, encode_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    ProvisioningPlan,
    carry_out,
    check_passphrases,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import provisioning_diff
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.task import TaskPlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PassphraseError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import check_external_names
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import is_issued_by
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.foreign_constraints import name_constraints
from ansible_collections.anchorage.pki.tests.unit import imported_roots
from ansible_collections.anchorage.pki.tests.unit.corporate_pki import pem, usage
from ansible_collections.anchorage.pki.tests.unit.imported_roots import MadeRoot, self_signed
from ansible_collections.anchorage.pki.tests.unit.rotations import move, rotated
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

DAY = timedelta(days=1)
SECRET = Passphrases("correct horse battery staple", "another long passphrase")


@pytest.fixture(scope="session")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session", params=sorted(imported_roots.IMPORTABLE))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MadeRoot:
    """A root as each of the programs writes it."""
    return imported_roots.IMPORTABLE[request.param](tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def step(tmp_path_factory: pytest.TempPathFactory) -> MadeRoot:
    return imported_roots.step(tmp_path_factory.mktemp("step"))


@pytest.fixture
def now(step: MadeRoot) -> datetime:
    """A time at which those are valid: the programs know no other one than the clock's."""
    return step.certificate.not_valid_before_utc + timedelta(hours=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "authority"
    folder.mkdir(mode=0o700)
    return folder


def plan(folder: Path, importing: Import | None, at: datetime, **options: Any) -> ProvisioningPlan:
    return plan_provisioning(folder, options, "Anchorage authority", at, importing=importing)


def make(folder: Path, importing: Import, at: datetime, passphrases: Passphrases = SECRET) -> Authority:
    planned = plan(folder, importing, at)
    check_passphrases(planned, passphrases)
    return carry_out(planned, passphrases, at)


def given(certificate: x509.Certificate, key: Any, passphrase: str | None = None) -> Import:
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Import(Given("import_certificate", pem(certificate)), Given("import_key", text), passphrase)


def test_the_root_stays_as_it_is_with_an_issuing_authority_below_it(made: MadeRoot, folder: Path, now) -> None:
    planned = plan(folder, made.importing, now)
    assert [str(each) for each in planned.steps] == [
        "policy: there is no authority yet",
        "root certificate 1: it is imported",
        "issuing authority 1: there is none yet",
        "OCSP responder 1 of issuing authority 1: the issuing authority is new",
    ]
    assert "root certificate 1: new (it is imported)" in provisioning_diff(planned)["after"]
    assert not list(folder.iterdir())
    authority = make(folder, made.importing, now)
    assert authority.root.certificate.public_bytes(Encoding.DER) == made.certificate.public_bytes(Encoding.DER)
    issuing = authority.issuing.certificate
    assert is_issued_by(issuing, made.certificate)
    assert issuing.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    assert authority.policy.constraints is not None
    assert name_constraints(issuing) == authority.policy.constraints.extension()
    [name] = made.certificate.subject
    assert authority.policy.subject.common_name == name.value
    assert issuing.subject.rfc4514_string() == f"CN={name.value} issuing 1"


def test_the_key_is_kept_as_keys_of_this_collection_are(made: MadeRoot, folder: Path, now: datetime) -> None:
    authority = make(folder, made.importing, now)
    path = authority.root.folder / "key.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    kept = authority.root.key(SECRET.authority, "passphrase")
    assert kept.public_key() == made.certificate.public_key()


def test_a_second_run_changes_nothing_with_or_without_the_options(made: MadeRoot, folder: Path, now) -> None:
    make(folder, made.importing, now)
    for importing in (made.importing, replace(made.importing, passphrase="forgotten"), None):
        assert plan(folder, importing, now).steps == ()


@pytest.mark.parametrize(("algorithm", "curve"), [("ec", ""), ("ec", "prime256v1"), ("ed", "ed25519")])
def test_roots_of_easy_rsa_with_other_keys_are_taken(
    folder: Path, tmp_path: Path, now: datetime, algorithm: str, curve: str
) -> None:
    made = imported_roots.easy_rsa(tmp_path, algorithm, curve)
    assert make(folder, made.importing, now + DAY).root.certificate == made.certificate


def test_an_imported_root_is_never_renewed(step: MadeRoot, folder: Path, now: datetime) -> None:
    """Below it, what is made ends with it, and is not made again and again."""
    authority = make(folder, step.importing, now)
    end = step.certificate.not_valid_after_utc
    late = end - 300 * DAY
    renewed = carry_out(plan(folder, None, late), SECRET, late)
    assert [root.sha256 for root in renewed.roots] == [authority.root.sha256]
    assert renewed.issuing.certificate.not_valid_after_utc == end
    steps = plan(folder, None, end - 50 * DAY).steps
    assert not [each for each in steps if each.part.value in ("root", "issuing")]
    assert "where the imported root ends, anchorage.pki.rotate_authority" in renewed.remedy


def test_what_a_root_lacks_is_said_with_what_it_means(made: MadeRoot, now: datetime) -> None:
    warnings = imported_warnings(made.certificate, now)
    assert "this root may sign for every name, and whoever gets its key can impersonate any site" in warnings[0]
    basic = made.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert any("has no path length" in each for each in warnings) == (basic.path_length is None)
    lists = made.certificate.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    assert any("lacks cRLSign" in each for each in warnings) != lists


def test_a_root_that_strict_clients_refuse_is_warned_of(key, now: datetime, tmp_path: Path) -> None:
    for root, words in (
        (imported_roots.easy_rsa(tmp_path).certificate, "basicConstraints are not critical"),
        (self_signed("Root of old", key), "it has no keyUsage"),
    ):
        assert [each for each in imported_warnings(root, now) if "verify strictly" in each and words in each]


def test_a_root_that_lacks_nothing_is_not_warned_of(key, authority: Authority, now: datetime) -> None:
    assert authority.policy.constraints is not None
    root = self_signed("Good root", key, usage(), authority.policy.constraints.extension(), path_length=2)
    assert imported_warnings(root, now) == []
    assert "is not renewed" in imported_warnings(root, root.not_valid_after_utc - 900 * DAY)[0]


def test_each_run_offers_the_rotation_while_the_root_lacks_something(step: MadeRoot, folder: Path, now) -> None:
    planned = plan(folder, step.importing, now)
    for result in (
        TaskPlan(planned, ()).result(None, now, False),
        TaskPlan(planned, ()).result(make(folder, step.importing, now), now, False),
        TaskPlan(plan(folder, None, now), ()).result(read_authority(folder), now, False),
    ):
        assert "anchorage.pki.rotate_authority" in result["warnings"][-1]


def test_names_outside_the_constraints_of_the_root_are_refused(key, folder: Path, now, request_leaf) -> None:
    limits = x509.NameConstraints([x509.DNSName("internal")], None)
    authority = make(folder, given(self_signed("Limited root", key, usage(), limits), key), now)
    check_external_names([request_leaf(names=("app.internal",))], authority)
    with pytest.raises(PkiError, match=r"app\.test would be rejected .* of the root that was imported\. .*rotate_auth"):
        check_external_names([request_leaf(names=("app.test",))], authority)


def test_the_policy_remembers_the_import(step: MadeRoot, folder: Path, now: datetime) -> None:
    policy = make(folder, step.importing, now).policy
    assert policy.imported_root == read_authority(folder).root.sha256
    assert decode_policy(encode_policy(policy), "policy.json") == policy


def test_the_first_rotation_leads_to_a_root_of_its_own(made: MadeRoot, folder: Path, now: datetime) -> None:
    """The former root vouches for it where its path length permits that."""
    make(folder, made.importing, now, Passphrases())
    switched = rotated(read_authority(folder), State.SWITCHING, now)
    assert [epoch.root.sha256 == switched.policy.imported_root for epoch in switched.epochs] == [True, False]
    assert not switched.has_imported_root
    assert switched.policy.constraints is not None
    assert name_constraints(switched.root.certificate) == switched.policy.constraints.extension()
    basic = made.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (switched.active.cross is None) == (basic.path_length == 1)
    assert is_issued_by(switched.issuing.certificate, switched.root.certificate)
    done = move(switched, State.DONE, now)
    assert plan(folder, made.importing, now).steps == ()
    assert "warnings" not in TaskPlan(plan(folder, None, now), ()).result(done, now, False)


def test_an_unfinished_import_awaits_its_root(step: MadeRoot, folder: Path, now: datetime) -> None:
    with open_ledger(folder / "ledger.sqlite3", create=True):
        pass  # as a run that is cut off then leaves it
    (folder / "policy.json").write_bytes(encode_policy(plan(folder, step.importing, now).policy))
    with pytest.raises(PkiError, match="is unfinished: its root was being imported"):
        plan(folder, None, now)
    assert make(folder, step.importing, now).root.certificate == step.certificate


# Refused


def test_path_length_0_as_mkcert_has_it_is_refused_with_the_way(tmp_path: Path, folder: Path, now: datetime) -> None:
    with pytest.raises(PkiError) as caught:
        plan(folder, imported_roots.mkcert(tmp_path).importing, now)
    told = str(caught.value)
    assert "has path length 0: clients refuse an issuing authority below it, with all its leaves" in told
    assert "Make a new authority without the option" in told
    assert "docs/migration.md" in told
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("options", "extensions", "words"),
    [
        ({"is_authority": False}, (usage(),), "is not a CA certificate"),
        ({}, (usage(cert_sign=False),), "may not sign certificates"),
        ({"identified": False}, (usage(),), "has no subjectKeyIdentifier"),
        ({"days": 0}, (usage(),), "ended on"),
        ({"days": 60}, (usage(),), "before a leaf of 90 days would"),
        (
            {},
            (usage(), x509.NameConstraints([x509.DirectoryName(x509.Name([]))], None)),
            "limits directory names",
        ),
    ],
)
def test_a_root_that_cannot_be_used_is_refused(key, folder: Path, now, options, extensions, words: str) -> None:
    with pytest.raises(PkiError, match=words):
        plan(folder, given(self_signed("Odd root", key, *extensions, **options), key), now)


@pytest.mark.parametrize(
    ("key_options", "words"),
    [
        (imported_roots.UNKNOWN_CURVE, "is signed by an algorithm that is not known"),
        (imported_roots.WRITTEN_OUT, "a key whose curve is written out in place of its name"),
        (imported_roots.PSS_ALONE, "a key that is for signatures by RSASSA-PSS alone"),
    ],
)
def test_a_key_that_clients_or_the_library_refuse_is_refused(
    folder: Path, tmp_path: Path, now: datetime, key_options: tuple[str, ...], words: str
) -> None:
    odd = imported_roots.openssl_root(tmp_path, *key_options)
    with pytest.raises(PkiError, match=words) as caught:
        plan(folder, odd.importing, now)
    assert "docs/migration.md has the steps" in str(caught.value)


def test_a_root_of_the_future_is_refused(key, folder: Path, now: datetime) -> None:
    with pytest.raises(PkiError, match="is valid only from"):
        plan(folder, given(self_signed("Late root", key, usage(), begins=now + DAY), key), now)


def test_an_issuing_certificate_and_a_bundle_are_no_root(authority: Authority, step: MadeRoot, key, now) -> None:
    with pytest.raises(PkiError, match="is no root, since its own key has not signed it"):
        read_import(given(authority.issuing.certificate, key), None, now)
    bundle = Given("import_certificate", pem(step.certificate, authority.root.certificate))
    with pytest.raises(PkiError, match=r"holds 2 certificates\. Give the root alone"):
        read_import(replace(step.importing, certificate=bundle), None, now)


def test_another_key_is_refused(step: MadeRoot, key, now: datetime) -> None:
    with pytest.raises(PkiError, match=r"^import_key: is not the private key of CN=Step root"):
        read_import(given(step.certificate, key), None, now)


@pytest.mark.parametrize(
    ("passphrase", "words"),
    [
        (None, "^import_key: the private key is encrypted. Give its passphrase as import_passphrase"),
        ("a wrong one", "^import_passphrase: does not open the private key import_key"),
    ],
)
def test_a_passphrase_that_does_not_open_the_key_is_refused(made: MadeRoot, now, passphrase, words: str) -> None:
    with pytest.raises(PassphraseError, match=words) as caught:
        read_import(replace(made.importing, passphrase=passphrase), None, now)
    told = "".join(traceback.format_exception(caught.value))
    assert (passphrase or "\0") not in told


def test_a_needless_passphrase_and_what_is_no_key_are_refused(step: MadeRoot, key, now: datetime) -> None:
    with pytest.raises(PassphraseError, match=r"is not encrypted\. Leave the option out"):
        read_import(given(step.certificate, key, "needless"), None, now)
    with pytest.raises(PkiError, match="holds no private key in PEM"):
        read_import(Import(step.importing.certificate, step.importing.certificate, None), None, now)


@pytest.mark.parametrize("passphrase", [None, "needless"])
def test_a_key_in_another_form_is_refused_with_how_to_convert_it(key, now: datetime, passphrase: str | None) -> None:
    root = self_signed("Root", key, usage())
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for content in (der, b"", b'{"kty": "EC"}', pem(root)):
        importing = Import(Given("import_certificate", pem(root)), Given("import_key", content), passphrase)
        with pytest.raises(PkiError, match=r"^import_key: holds no private key in PEM .* openssl pkey -inform DER"):
            read_import(importing, None, now)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: b"Bag Attributes\n    friendlyName: root\n" + text,
        lambda text: b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + text,
    ],
    ids=["CRLF", "byte order mark", "of openssl pkcs12", "of openssl ecparam"],
)
def test_files_that_went_through_other_programs_are_read(key, now: datetime, change) -> None:
    importing = given(self_signed("Root", key, usage()), key)
    certificate, text = (Given(each.source, change(each.content)) for each in (importing.certificate, importing.key))
    read = read_import(Import(certificate, text, None), None, now)
    assert read is not None
    assert read.key.public_key() == key.public_key()


@pytest.mark.parametrize(
    "weak",
    [rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP521R1())],  # noqa: S505 (refused)
)
def test_a_key_of_another_kind_is_refused(weak, now: datetime) -> None:
    with pytest.raises(PkiError, match="is of a kind that this collection does not use"):
        read_import(given(self_signed("Weak root", weak, usage()), weak), None, now)


def test_an_authority_with_another_root_takes_none(own_authority: Authority, step: MadeRoot, now: datetime) -> None:
    with pytest.raises(PkiError, match="has another root already, which hosts may trust"):
        plan(own_authority.folder, step.importing, now)


def test_what_is_printed_of_an_import_has_no_key(step: MadeRoot) -> None:
    assert "PRIVATE KEY" not in repr(step.importing)
    assert str(step.passphrase) not in repr(step.importing)
