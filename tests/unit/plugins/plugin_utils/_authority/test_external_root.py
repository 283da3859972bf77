# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An authority below the root of another one: what it asks for, takes and refuses, and what it does with that."""

from __future__ import annotations

import ipaddress
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given, read_answer
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer_checks import root_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    carry_out,
    check_passphrases,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import request_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import authority_result, warnings_for
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import (
    AuthorityMissingError,
    KeyAwayError,
    PassphraseError,
    PkiError,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest, check_external_names
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.results import revocation_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.transaction import RotationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.leaf_proof import leaf_proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Signer,
    sign_leaf,
    validity_from,
)
from ansible_collections.anchorage.pki.tests.unit import imported_roots
from ansible_collections.anchorage.pki.tests.unit.corporate_pki import (
    BASIC,
    CONSTRAINTS,
    ODD_NAMES,
    USAGE,
    Corporate,
    corporate_root,
    pem,
    usage,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID

DAY = timedelta(days=1)
ASKED = {"issuing_request_path": "/somewhere/issuing.csr"}
OPEN = Passphrases()
SECRET = Passphrases("correct horse battery staple", "another long passphrase")


@pytest.fixture(scope="session")
def root(now: datetime) -> Corporate:
    return corporate_root(now)


@pytest.fixture(scope="session")
def signer(root: Corporate) -> Corporate:
    """Two intermediates below the root."""
    return root.below("Corporate policy authority").below("Corporate subordinate authority")


@pytest.fixture(scope="session")
def asked(make_authority: Callable[..., Authority], tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that awaits its certificate. Shared by all tests: read it only."""
    return make_authority(tmp_path_factory.mktemp("asked") / "authority", **ASKED)


@pytest.fixture
def pending(asked: Authority, tmp_path: Path) -> Authority:
    """A copy of it that a test may change."""
    return read_authority(Path(shutil.copytree(asked.folder, tmp_path / "authority")))


def request_of(authority: Authority) -> x509.CertificateSigningRequest:
    assert authority.request is not None
    return authority.request.request


def given(*certificates: x509.Certificate) -> list[Given]:
    return [Given("issuing_certificate", pem(*certificates))]


def steps(folder: Path, at: datetime, answer: Sequence[Given] = (), **options: Any) -> list[str]:
    plan = plan_provisioning(folder, {**ASKED, **options}, "Test authority", at, answer)
    return [str(step) for step in plan.steps]


def take(authority: Authority, answer: Sequence[Given], at: datetime, passphrases: Passphrases = OPEN) -> Authority:
    plan = plan_provisioning(authority.folder, ASKED, "Test authority", at, answer)
    check_passphrases(plan, passphrases)
    return carry_out(plan, passphrases, at)


def test_the_first_run_makes_an_issuing_key_and_a_request_and_no_root(asked: Authority, now: datetime) -> None:
    assert not (asked.folder / "root").exists()
    assert sorted(path.name for path in (asked.folder / "issuing" / "1").iterdir()) == ["key.pem", "request.pem"]
    request = request_of(asked)
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=Test authority issuing 1"
    assert request.extensions.get_extension_for_class(BASIC).value == x509.BasicConstraints(True, 0)
    asked_usage = request.extensions.get_extension_for_class(USAGE).value
    assert (asked_usage.key_cert_sign, asked_usage.crl_sign) == (True, True)
    assert asked.policy.constraints is not None
    assert request.extensions.get_extension_for_class(CONSTRAINTS).value == asked.policy.constraints.extension()
    assert steps(asked.folder, now) == []
    assert authority_result(asked)["issuing_request"]["path"] == f"{asked.folder}/issuing/1/request.pem"


def test_until_the_answer_comes_one_sentence_says_what_to_do(asked: Authority, now: datetime) -> None:
    words = rf"awaits its certificate\. Have {asked.folder}/issuing/1/request\.pem signed .*issuing_certificate"
    for look in (lambda: asked.issuing, lambda: asked.root, lambda: asked.active):
        with pytest.raises(AuthorityMissingError, match=words):
            look()
    assert [warning for warning in request_warnings(asked, now) if "awaits its certificate" in warning]


def test_the_answer_makes_it_an_authority(pending: Authority, signer: Corporate, now: datetime) -> None:
    issuing = signer.sign(request_of(pending))
    answer = given(issuing, *signer.chain)
    assert steps(pending.folder, now, answer) == [
        "root certificate 1: it came, CN=Corporate root",
        "issuing authority 1: its certificate came, signed by CN=Corporate subordinate authority",
        "OCSP responder 1 of issuing authority 1: the issuing authority is new",
    ]
    made = take(pending, answer, now)
    assert made.root.certificate == signer.root
    assert not (made.root.folder / "key.pem").exists()
    assert made.request is None
    assert made.issuing.intermediates == signer.chain[:-1]
    leaf = made.issuing.responder.certificate
    assert made.chain(made.issuing, leaf) == (issuing, *signer.chain[:-1])
    assert [root.sha256 for root in made.anchors()] == [made.root.sha256]
    assert steps(made.folder, now, answer) == []
    assert steps(made.folder, now + DAY) == []


def test_without_intermediates_the_chain_is_the_issuing_certificate(
    pending: Authority, root: Corporate, now: datetime
) -> None:
    issuing = root.sign(request_of(pending))
    made = take(pending, [*given(issuing), Given("root_certificate", pem(root.root))], now)
    assert made.chain(made.issuing, made.issuing.responder.certificate) == (issuing,)


def test_a_longer_file_in_any_order_gives_the_same_chain(pending: Authority, signer: Corporate, now: datetime) -> None:
    stranger = corporate_root(now, "Stranger", ec.generate_private_key(ec.SECP256R1()))
    issuing = signer.sign(request_of(pending))
    made = take(pending, given(stranger.root, *reversed(signer.chain), issuing, issuing), now)
    assert made.issuing.intermediates == signer.chain[:-1]


@pytest.mark.parametrize("odd", [imported_roots.UNKNOWN_CURVE, imported_roots.WRITTEN_OUT])
def test_what_else_is_in_a_file_is_of_no_matter_now_and_later(
    pending: Authority, signer: Corporate, now: datetime, tmp_path: Path, odd: tuple[str, ...]
) -> None:
    stranger = corporate_root(now, "Stranger", ec.generate_private_key(ec.SECP256R1()))
    others = imported_roots.openssl_root(tmp_path, *odd).certificate_path.read_bytes() + pem(stranger.root)
    answer = [Given("issuing_certificate", others + pem(signer.sign(request_of(pending)), *signer.chain))]
    made = take(pending, answer, now)
    assert made.root.certificate == signer.root
    assert steps(made.folder, now, answer) == []
    with pytest.raises(PkiError, match=r"^root_certificate: leads to the root CN=Stranger"):
        steps(made.folder, now, [*answer, Given("root_certificate", pem(stranger.root))])


def test_a_file_that_went_through_other_programs_is_read(asked: Authority, signer: Corporate, now: datetime) -> None:
    text = pem(signer.sign(request_of(asked)), *signer.chain)
    for content in (text.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + text, b"subject=CN = x\n\n" + text):
        assert read_answer([Given("issuing_certificate", content)], asked, now)


def test_of_two_certificates_of_one_authority_that_which_leads_to_a_root_is_taken(
    asked: Authority, root: Corporate, now: datetime
) -> None:
    """The other one, which is valid for longer, is for those who trust another root."""
    between = root.below("Corporate authority", days=2000)
    elsewhere = corporate_root(now, "Elsewhere", ec.generate_private_key(ec.SECP256R1()))
    extensions = [x509.BasicConstraints(True, None), usage()]
    crossed = elsewhere.build(between.certificate.subject, between.key.public_key(), extensions, 4000)
    answer = read_answer(given(between.sign(request_of(asked)), crossed, *between.chain), asked, now)
    assert answer is not None
    assert (answer.intermediates, answer.root) == ((between.certificate,), root.root)


def test_the_root_may_be_known_before_the_answer(pending: Authority, root: Corporate, now: datetime) -> None:
    early = [Given("root_certificate /srv/root.pem", pem(root.root))]
    assert read_answer(early, None, now, asks=True) is None
    assert steps(pending.folder, now, early) == []
    with pytest.raises(PkiError, match=r"root_certificate /srv/root\.pem: no certificate was asked for yet"):
        read_answer(early, None, now)
    with pytest.raises(PkiError, match="root_certificate: holds no certificate in PEM"):
        steps(pending.folder, now, [Given("root_certificate", b"")])
    made = take(pending, [*given(root.sign(request_of(pending))), *early], now)
    assert made.root.certificate == root.root
    with pytest.raises(PkiError, match=r"^root_certificate: is for another key than that of the request"):
        steps(made.folder, now, [Given("root_certificate", pem(root.below("Other").certificate))])


def test_a_chain_that_does_not_reach_a_root_is_refused(asked: Authority, signer: Corporate, now: datetime) -> None:
    words = r"ends at CN=Corporate policy authority, whose issuer CN=Corporate root is missing\. Ask .*root_certificate"
    with pytest.raises(PkiError, match=words):
        read_answer(given(signer.sign(request_of(asked)), *signer.chain[:-1]), asked, now)


def test_the_ledger_has_what_the_authority_signed_and_was_given_and_no_root(
    pending: Authority, root: Corporate, now: datetime
) -> None:
    """Serial numbers of others may be equal, of a root and an issuing certificate of two authorities."""
    issuing = root.sign(request_of(pending), serial=root.root.serial_number)
    made = take(pending, given(issuing, root.root), now)
    with open_ledger(made.ledger_path, read_only=True) as ledger:
        assert ledger.authorities() == {made.issuing.sha256}
    assert steps(made.folder, now) == []


NARROW = x509.NameConstraints(
    [
        x509.DNSName("internal"),
        x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")),
        x509.RFC822Name("internal"),
        x509.UniformResourceIdentifier(".internal"),
    ],
    [x509.IPAddress(ipaddress.ip_network("::/0"))],
)
WIDE = x509.NameConstraints([*(NARROW.permitted_subtrees or []), x509.DNSName("example.com")], NARROW.excluded_subtrees)
DNS_ALONE = x509.NameConstraints([x509.DNSName("internal")], None)
OF_SUBJECTS = x509.NameConstraints(
    [*(NARROW.permitted_subtrees or []), x509.DirectoryName(x509.Name([]))], NARROW.excluded_subtrees
)


@pytest.mark.parametrize(
    ("instead", "others", "words"),
    [
        ([x509.BasicConstraints(False, None)], {}, "is not a CA certificate"),
        ([], {"without": [BASIC]}, "is not a CA certificate"),
        ([x509.BasicConstraints(True, None)], {}, r"has no path length.* for one with pathlen:0"),
        ([x509.BasicConstraints(True, 1)], {}, "has path length 1, so that a thief"),
        ([usage(crl_sign=False)], {}, "lacks cRLSign in its keyUsage"),
        ([usage(cert_sign=False)], {}, "lacks keyCertSign in its keyUsage"),
        ([], {"without": [USAGE]}, "lacks keyCertSign and cRLSign"),
        ([x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])], {}, "without OCSPSigning"),
        ([], {"without": [CONSTRAINTS]}, "carries no name constraints.*unconstrained"),
        ([WIDE], {}, r"wider than those of the authority, for DNS names \(example\.com\)"),
        ([DNS_ALONE], {}, "for IPv4 addresses, IPv6 addresses, e-mail addresses, URIs"),
        ([OF_SUBJECTS], {}, "is limited in directory names"),
        ([], {"days": -1, "begins": -9 * DAY}, r"ended on 2026-05-31\. Ask the PKI that signed it for one that is"),
        ([], {"begins": DAY}, "is valid only from 2026-06-02 12:00 UTC on"),
        ([], {"days": 80}, "ends on 2026-08-20, before a leaf of 90 days would"),
        ([], {"days": 4000}, "ends on .*, after CN=Corporate subordinate authority above it, which ends on"),
        ([], {"identifier": False}, "has no subjectKeyIdentifier"),
        ([], {"subject": x509.Name([])}, "has no subject"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_for_is_refused(
    asked: Authority,
    signer: Corporate,
    now: datetime,
    instead: list[x509.ExtensionType],
    others: dict[str, Any],
    words: str,
) -> None:
    issuing = signer.sign(request_of(asked), *instead, **others)
    with pytest.raises(PkiError, match=words) as caught:
        read_answer(given(issuing, *signer.chain), asked, now)
    assert str(caught.value).startswith("issuing_certificate: ")
    assert "Ask the PKI that signed it for " in str(caught.value)


def test_what_stands_above_has_to_let_it_sign(asked: Authority, now: datetime) -> None:
    request = request_of(asked)
    short = corporate_root(now, key=ec.generate_private_key(ec.SECP256R1()), path_length=0)
    weak = corporate_root(now, key=rsa.generate_private_key(65537, 1024))  # noqa: S505 (refused)
    late = corporate_root(now, days=1)
    for authority, words in (
        (short, "CN=Corporate root has path length 0, while 1 authorities stand below it"),
        (weak, "CN=Corporate root has an RSA key of 1024 bits"),
        (late, "after CN=Corporate root above it"),
    ):
        with pytest.raises(PkiError, match=words):
            read_answer(given(authority.sign(request), authority.root), asked, now)


def test_what_is_signed_with_sha1_below_the_root_is_refused(asked: Authority, now: datetime, tmp_path: Path) -> None:
    """As old PKIs of companies still do by default. No library here signs it, and OpenSSL does."""
    company = imported_roots.openssl_root(tmp_path, "-newkey", "rsa:2048")
    (tmp_path / "request.pem").write_bytes(request_of(asked).public_bytes(Encoding.PEM))
    command = ["openssl", "x509", "-req", "-sha1", "-copy_extensions", "copy", "-days", "1000", "-in", "request.pem"]
    command += ["-CA", str(company.certificate_path), "-CAkey", str(company.key_path), "-out", "answer.pem"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    content = (tmp_path / "answer.pem").read_bytes() + company.certificate_path.read_bytes()
    with pytest.raises(PkiError, match=r"CN=Test authority issuing 1 is signed with SHA-1.*Ask the PKI .* SHA-256"):
        read_answer([Given("issuing_certificate", content)], asked, now)


def test_what_is_no_answer_is_refused_with_what_to_give(asked: Authority, root: Corporate, now: datetime) -> None:
    other = root.below("Another authority")
    for content, words in (
        (b"", "holds no certificate in PEM"),
        (b"-----BEGIN PKCS7-----", "is PKCS#7, and PEM is wanted. Convert it"),
        (serialize_certificates([root.root], Encoding.DER), "PKCS#7 in DER, .*: openssl pkcs7 -inform DER"),
        (root.root.public_bytes(Encoding.DER), "is in DER, and PEM is wanted. Convert it: openssl x509 -inform DER"),
        (b"-----BEGIN PRIVATE KEY-----", "holds a private key"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "a certificate in it is damaged"),
        (pem(root.build(other.certificate.subject, other.key.public_key(), [ODD_NAMES], 90)), "in it is damaged"),
        (pem(other.certificate, root.root), r"another key than that of the request\. Ask the PKI .* to sign /"),
    ):
        with pytest.raises(PkiError, match=words):
            read_answer([Given("issuing_certificate", content)], asked, now)


def test_an_authority_with_a_root_of_its_own_takes_none(
    authority: Authority, root: Corporate, now: datetime, tmp_path: Path
) -> None:
    with pytest.raises(PkiError, match="has a root of its own"):
        read_answer(given(root.root), authority, now)
    with pytest.raises(PkiError, match="no certificate was asked for yet"):
        plan_provisioning(tmp_path, {}, "Test authority", now, given(root.root))
    with pytest.raises(PkiError, match="cannot become what the options ask for: its root is its own"):
        plan_provisioning(authority.folder, ASKED, "Test authority", now)


def test_options_that_the_request_does_not_have_begin_anew(asked: Authority, now: datetime) -> None:
    with pytest.raises(PkiError, match=r"request\.pem is not for what the options ask for: permitted_domains"):
        steps(asked.folder, now, permitted_domains=["corp.example"])
    assert steps(asked.folder, now, leaf_lifetime=30) == ["policy: its options changed"]


def test_narrower_constraints_are_taken_and_names_outside_of_them_refused(
    pending: Authority, signer: Corporate, now: datetime, request_leaf: Callable[..., LeafRequest]
) -> None:
    made = take(pending, given(signer.sign(request_of(pending), NARROW), *signer.chain), now)
    check_external_names([request_leaf(names=("app.internal", "10.1.2.3"))], made)
    with pytest.raises(PkiError, match=r"names: app\.test, 192\.168\.1\.1 would be rejected by every client"):
        check_external_names([request_leaf(names=("app.internal", "app.test", "192.168.1.1"))], made)


def test_constraints_of_an_intermediate_are_as_good(asked: Authority, root: Corporate, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    between = root.build(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Limited")]),
        key.public_key(),
        [x509.BasicConstraints(True, 0 + 1), usage(), NARROW],
        2000,
    )
    limited = Corporate(between, key, now, root.chain)
    assert read_answer(given(limited.sign(request_of(asked), without=[CONSTRAINTS]), *limited.chain), asked, now)


def test_an_unconstrained_authority_takes_an_answer_without_constraints(
    make_authority: Callable[..., Authority], signer: Corporate, now: datetime, tmp_path: Path
) -> None:
    asked = make_authority(tmp_path / "authority", **ASKED, unconstrained=True)
    assert [each.oid for each in request_of(asked).extensions] == [BASIC.oid, USAGE.oid]
    assert read_answer(given(signer.sign(request_of(asked)), *signer.chain), asked, now)


def test_a_root_without_constraints_is_a_warning_that_names_what_it_means(
    pending: Authority, root: Corporate, now: datetime
) -> None:
    made = take(pending, given(root.sign(request_of(pending)), root.root), now)
    (warning,) = warnings_for(made.policy, made)
    assert "CN=Corporate root carries no name constraints" in warning
    assert "can impersonate any site in the world to the hosts that trust it" in warning
    limited = corporate_root(now, key=ec.generate_private_key(ec.SECP256R1()), extensions=[NARROW])
    assert root_warnings(limited.root) == []


def test_two_leaf_lifetimes_before_its_end_the_next_certificate_is_asked_for(
    pending: Authority, root: Corporate, now: datetime
) -> None:
    made = take(pending, given(root.sign(request_of(pending)), root.root), now)
    end = made.issuing.certificate.not_valid_after_utc
    assert steps(made.folder, end - 181 * DAY) == [
        "OCSP responder 2 of issuing authority 1: the last one ends on 2026-07-01",
    ]
    assert request_warnings(made, end - 181 * DAY) == []
    at = end - 180 * DAY
    ends = "ends on 2029-02-25, and signs no leaf of 90 days after 2028-11-27"
    assert steps(made.folder, at)[0] == f"request for issuing authority 2: the last one {ends}"
    (warning,) = request_warnings(made, at)
    assert warning.endswith("Run certificate_authority, which writes a request for another one.")
    renewing = take(made, (), at)
    assert renewing.request is not None
    assert renewing.request.number == 2
    assert renewing.issuing == made.issuing.__class__(
        made.issuing.folder, made.issuing.certificate, renewing.issuing.responders
    )
    assert request_of(renewing).public_key() != made.issuing.certificate.public_key()
    (warning,) = request_warnings(renewing, at)
    assert f"Have {made.folder}/issuing/2/request.pem signed" in warning
    assert steps(made.folder, at, given(made.issuing.certificate, root.root)) == []  # the former answer, still given
    later = Corporate(root.certificate, root.key, at)
    renewed = take(renewing, given(later.sign(request_of(renewing))), at)
    assert [issuer.number for issuer in renewed.issuers] == [1, 2]
    assert request_warnings(renewed, at) == []
    assert steps(renewed.folder, at) == []


def test_another_root_is_refused_and_the_same_one_renewed_is_taken(
    pending: Authority, root: Corporate, now: datetime
) -> None:
    made = take(pending, given(root.sign(request_of(pending)), root.root), now)
    stranger = corporate_root(now, "New corporate root", ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(PkiError, match=r"leads to the root CN=New corporate root .*rotation .* is not possible"):
        read_answer([Given("root_certificate", pem(stranger.root))], made, now)
    renewed = corporate_root(now, key=root.key, days=9000)
    answer = [Given("root_certificate", pem(renewed.root))]
    assert steps(made.folder, now, answer) == ["root certificate 2: it came, CN=Corporate root"]
    after = take(made, answer, now)
    assert after.root.certificate == renewed.root
    assert [key.sha256 for key in after.superseded()] == [made.root.sha256]
    assert steps(after.folder, now, answer) == []
    assert steps(after.folder, now, [Given("root_certificate", pem(root.root))]) == []


def test_a_revoked_issuing_certificate_is_asked_for_anew(pending: Authority, root: Corporate, now: datetime) -> None:
    made = take(pending, given(root.sign(request_of(pending)), root.root), now)
    with open_ledger(made.ledger_path) as ledger, ledger.transaction():
        ledger.revocations.enter(made.issuing.sha256, "key_compromise", None, now)
    assert steps(made.folder, now) == ["request for issuing authority 2: the last one is revoked"]
    asking = take(made, (), now)
    assert steps(asking.folder, now) == []
    assert "the last one is to be replaced" in request_warnings(asking, now)[0]


def test_passphrases_are_checked_with_the_key_of_the_request(
    make_authority: Callable[..., Authority], root: Corporate, now: datetime, tmp_path: Path
) -> None:
    asked = make_authority(tmp_path / "authority", SECRET, **ASKED)
    answer = given(root.sign(request_of(asked)), root.root)
    assert b"ENCRYPTED" in (asked.folder / "issuing" / "1" / "key.pem").read_bytes()
    with pytest.raises(PassphraseError, match="passphrase: this is not the passphrase"):
        take(asked, answer, now, Passphrases("a wrong passphrase, as long", SECRET.responder))
    with pytest.raises(KeyAwayError, match="encrypted; give its passphrase"):
        take(asked, answer, now)
    assert steps(asked.folder, now, answer)  # nothing was done
    made = take(asked, answer, now, SECRET)
    assert steps(made.folder, now) == []


@pytest.mark.parametrize("cut", ["root", "issuing"])
def test_a_run_that_was_cut_off_is_completed_by_the_next(
    pending: Authority, root: Corporate, now: datetime, cut: str
) -> None:
    answer = given(root.sign(request_of(pending)), root.root)
    made = take(pending, answer, now)
    shutil.rmtree(made.issuing.folder / "responder")
    with closing(sqlite3.connect(made.ledger_path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM certificates")  # which are entered at the end of a run
    if cut == "root":
        (made.issuing.folder / "certificate.pem").unlink()
    assert take(read_authority(made.folder), answer, now).issuing.responders
    assert steps(made.folder, now, answer) == []


def test_parts_of_another_chain_are_refused(pending: Authority, signer: Corporate, now: datetime) -> None:
    made = take(pending, given(signer.sign(request_of(pending)), *signer.chain), now)
    (made.issuing.folder / "intermediates.pem").write_bytes(pem(signer.chain[1]))
    with pytest.raises(PkiError, match="is not of this authority: CN=Corporate policy authority did not sign"):
        read_authority(made.folder)
    (made.issuing.folder / "intermediates.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    with pytest.raises(PkiError, match=r"intermediates\.pem is no longer certificates"):
        read_authority(made.folder)


def test_what_it_revokes_is_on_its_own_list_and_its_issuing_certificate_is_for_the_other_pki(
    pending: Authority, root: Corporate, now: datetime, tmp_path: Path
) -> None:
    made = take(pending, given(root.sign(request_of(pending)), root.root), now)
    public, serial = tmp_path / "public", made.issuing.certificate.serial_number
    with open_ledger(made.ledger_path) as ledger:
        transaction = RevocationTransaction(made, OPEN, ledger, public, now)
        lists = transaction.carry_out(NOTHING).lists
        assert [issued.issuer.signer for issued in lists] == [made.issuing]
        revoked = transaction.carry_out({**NOTHING, "serial": f"{serial:x}"})
        (warning,) = revocation_result(revoked, public, now)["warnings"]
    assert warning.startswith(
        f"No list of this authority tells clients of the issuing certificate {serial:x}, which CN="
    )
    assert warning.endswith("ask the PKI that signed it to revoke it, too.")
    (tmp_path / "root.pem").write_bytes(pem(root.root))
    with open_ledger(made.ledger_path) as ledger:
        named = {**NOTHING, "certificate": str(tmp_path / "root.pem")}
        with pytest.raises(PkiError, match="is no certificate of this authority"):
            RevocationTransaction(made, OPEN, ledger, public, now).carry_out(named)


def test_its_root_is_not_rotated_here(pending: Authority, root: Corporate, now: datetime) -> None:
    made = take(pending, given(root.sign(request_of(pending)), root.root), now)
    refusal = pytest.raises(PkiError, match=r"is another authority's, which alone can have it give way")
    with refusal, open_ledger(made.ledger_path) as ledger:
        RotationTransaction(made.folder, ledger, frozenset(), now).begin("", OPEN)


def test_a_proof_of_trust_has_the_whole_chain(
    pending: Authority, signer: Corporate, now: datetime, request_leaf: Callable[..., LeafRequest]
) -> None:
    issuing = signer.sign(request_of(pending))
    made = take(pending, given(issuing, *signer.chain), now)
    by = Signer(made.issuing.certificate, made.issuing.key(None, "passphrase"))
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = sign_leaf(key.public_key(), by, request_leaf().names, Profile.SERVER, validity_from(now, 90))
    with open_ledger(made.ledger_path) as ledger, ledger.transaction():
        ledger.record_leaf(leaf, made.issuing.sha256, LeafPlace("web1", "/etc", "app"), ["app.test"], "controller")
    chain = [x509.load_pem_x509_certificate(each.encode()) for each in leaf_proof(made, "web1", now).chain]
    assert chain == [leaf, issuing, *signer.chain[:-1]]
