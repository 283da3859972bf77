# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A revocation from the ledger to what is published, cut off at each step, and with its keys away."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import KEY, Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import DIGESTS
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.issuers import list_issuers, with_lost_issuers
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.results import issuing_result, list_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import list_path, response_path
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import key_identifier
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import BACKDATE
from ansible_collections.anchorage.pki.tests.unit.interruptions import dies_after, killed_at
from ansible_collections.anchorage.pki.tests.unit.rotations import rotated
from cryptography import x509
from cryptography.x509 import ocsp

DAY = timedelta(days=1)
WEB1 = {"name": "app", "host": "web1"}


def rows(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def serials(crl: x509.CertificateRevocationList) -> set[int]:
    return {entry.serial_number for entry in crl}


def number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def answer(fleet: Any, host: str, digest: str = "sha1") -> ocsp.OCSPResponse:
    """What is published about the leaf of a host."""
    path = response_path(fleet.leaves[host], fleet.authority.issuing.certificate, digest)
    return ocsp.load_der_ocsp_response((fleet.public / path).read_bytes())


def state(fleet: Any) -> dict[str, Any]:
    """All that a run leaves, but for signatures: no two of them are the same."""
    published = {str(path.relative_to(fleet.public)) for path in fleet.public.rglob("*") if path.is_file()}
    return {
        "files": published,
        "serials": serials(fleet.crl()),
        "statuses": {
            (host, digest): answer(fleet, host, digest).certificate_status
            for host in fleet.leaves
            for digest in DIGESTS
        },
        "revocations": rows(fleet.ledger_path, "SELECT * FROM revocations"),
        "certificates": rows(fleet.ledger_path, "SELECT sha256, status FROM certificates ORDER BY sha256"),
        "lists": rows(
            fleet.ledger_path,
            "SELECT issuer_key, this_update, next_update, published_at FROM lists WHERE number IN "
            "(SELECT MAX(number) FROM lists GROUP BY issuer_key) ORDER BY issuer_key",
        ),
        "responses": rows(
            fleet.ledger_path,
            "SELECT certificate_sha256, digest, revoked, next_update, renew_at FROM responses ORDER BY 1, 2",
        ),
    }


def test_a_revoked_leaf_is_on_the_list_and_in_the_responses_and_others_are_not(fleet) -> None:
    result = fleet.run(**WEB1)
    assert (result["changed"], result["crl"], result["ocsp"]) == (True, "signed", "signed")
    crl, leaf = fleet.crl(), fleet.leaves["web1"]
    assert serials(crl) == {leaf.serial_number}
    (entry,) = crl
    assert entry.revocation_date_utc == fleet.now
    assert entry.extensions[0].value == x509.CRLReason(x509.ReasonFlags.key_compromise)
    assert serials(fleet.crl(fleet.authority.root.certificate)) == set()
    for digest in DIGESTS:
        revoked, good = answer(fleet, "web1", digest), answer(fleet, "web2", digest)
        assert revoked.certificate_status is ocsp.OCSPCertStatus.REVOKED
        assert revoked.revocation_reason is x509.ReasonFlags.key_compromise
        assert revoked.revocation_time_utc == fleet.now
        assert revoked.this_update_utc >= fleet.now
        assert good.certificate_status is ocsp.OCSPCertStatus.GOOD
        assert {revoked.hash_algorithm.name, good.hash_algorithm.name} == {digest}
    assert rows(fleet.ledger_path, "SELECT reason, reissue, published_at FROM revocations") == [
        ("key_compromise", 1, int(fleet.now.timestamp()))
    ]
    with open_ledger(fleet.ledger_path) as ledger:
        assert ledger.revocations.is_revoked(fingerprint(leaf))


def test_the_same_task_again_changes_nothing(fleet) -> None:
    fleet.run(**WEB1)
    before = {path: path.stat().st_mtime_ns for path in fleet.public.rglob("*")}
    again = fleet.run(**WEB1, after=timedelta(minutes=1))
    assert not again["changed"]
    assert {path: path.stat().st_mtime_ns for path in fleet.public.rglob("*")} == before


def test_what_is_published_is_for_everybody_to_read(fleet) -> None:
    fleet.run(**WEB1)
    modes = {path.is_dir(): path.stat().st_mode & 0o777 for path in fleet.public.rglob("*")}
    assert modes == {True: 0o755, False: 0o644}


def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(fleet, tmp_path: Path) -> None:
    fleet.run()  # so that each attempt has former lists and responses to replace
    kept = {
        folder: Path(shutil.copytree(folder, tmp_path / f"kept-{folder.name}"))
        for folder in (fleet.authority.folder, fleet.public)
    }
    later = fleet.at(timedelta(minutes=10))
    later.run(**WEB1)
    expected = state(later)
    for call in itertools.count(1):
        for folder, copy in kept.items():
            shutil.rmtree(folder)
            shutil.copytree(copy, folder)
        if not killed_at(call, lambda: later.run(**WEB1)):
            break
        later.run(**WEB1)
        assert state(later) == expected
    assert call > 10


def test_a_run_that_is_killed_after_any_statement_is_finished_by_the_next(fleet, tmp_path: Path) -> None:
    fleet.run()
    kept = {
        folder: Path(shutil.copytree(folder, tmp_path / f"kept-{folder.name}"))
        for folder in (fleet.authority.folder, fleet.public)
    }
    later = fleet.at(timedelta(minutes=10))
    later.run(**WEB1)
    expected = state(later)
    for last in itertools.count(1):
        for folder, copy in kept.items():
            shutil.rmtree(folder)
            shutil.copytree(copy, folder)
        if not dies_after(last, lambda: later.run(**WEB1)):
            break
        later.run(**WEB1)
        assert state(later) == expected
    assert last > 30


@pytest.mark.parametrize("step", ["enter", "sign_lists", "publish_lists", "sign_responses", "publish_responses"])
def test_a_run_that_ends_after_a_step_is_finished_by_one_that_names_nothing(
    fleet, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    fleet.run()
    original = getattr(RevocationTransaction, step)

    def ends(self: Any, *arguments: Any) -> None:
        original(self, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RevocationTransaction, step, ends)
        with pytest.raises(KeyboardInterrupt):
            fleet.run(**WEB1)
    assert fleet.run()["changed"] == (step != "publish_responses")
    assert serials(fleet.crl()) == {fleet.leaves["web1"].serial_number}
    assert answer(fleet, "web1").certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert rows(fleet.ledger_path, "SELECT published_at IS NOT NULL FROM revocations") == [(1,)]
    assert not fleet.run()["changed"]


def test_a_list_is_published_before_responses_are_signed(fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of which there are many, and whose key may be slow."""
    monkeypatch.setattr(RevocationTransaction, "_sign_responses", lambda *_arguments: pytest.fail("it was killed"))
    with pytest.raises(pytest.fail.Exception, match="it was killed"):
        fleet.run(**WEB1)
    assert serials(fleet.crl()) == {fleet.leaves["web1"].serial_number}
    assert rows(fleet.ledger_path, "SELECT published_at FROM revocations") == [(None,)]


# Numbers


def test_numbers_rise_within_a_second_and_after_the_ledger_was_restored(fleet, tmp_path: Path) -> None:
    fleet.run()
    backup = shutil.copy(fleet.ledger_path, tmp_path / "backup.sqlite3")
    first = number(fleet.crl())
    fleet.run(**WEB1)
    second = number(fleet.crl())
    fleet.run(name="app", host="web2")
    third = number(fleet.crl())
    assert first < second < third
    shutil.copy(backup, fleet.ledger_path)
    later = fleet.at(DAY)
    with pytest.raises(PkiError, match=f"says that {fleet.leaves['web2'].serial_number:x} .* the ledger does not"):
        later.run(**WEB1)
    assert number(later.crl()) == third
    later.run(name="app", host="web2")
    assert number(later.crl()) > third
    assert serials(later.crl()) == {fleet.leaves[host].serial_number for host in ("web1", "web2")}


def test_a_ledger_that_was_restored_takes_no_published_list_back(fleet, tmp_path: Path) -> None:
    fleet.run()
    backup = shutil.copy(fleet.ledger_path, tmp_path / "backup.sqlite3")
    fleet.run(**WEB1)
    published = fleet.crl()
    shutil.copy(backup, fleet.ledger_path)
    for later in (DAY, 6 * DAY):  # by then another list is due
        with pytest.raises(PkiError, match="it is older than what is published"):
            fleet.run(after=later)
        with pytest.raises(PkiError, match="it is older than what is published"):
            fleet.run(check=True, after=later)
        assert fleet.crl() == published
        assert answer(fleet, "web1").certificate_status is ocsp.OCSPCertStatus.REVOKED
    fleet.at(DAY).run(serial=f"{fleet.leaves['web1'].serial_number:x}")
    assert number(fleet.crl()) > number(published)
    assert serials(fleet.crl()) == {fleet.leaves["web1"].serial_number}


def test_a_ledger_that_was_restored_and_lacks_no_revocation_goes_on(fleet, tmp_path: Path) -> None:
    fleet.run(**WEB1)
    backup = shutil.copy(fleet.ledger_path, tmp_path / "backup.sqlite3")
    fleet.run(after=5 * DAY)
    renewed = number(fleet.crl())
    shutil.copy(backup, fleet.ledger_path)
    fleet.run(after=5 * DAY)
    assert number(fleet.crl()) == renewed + 1
    assert serials(fleet.crl()) == {fleet.leaves["web1"].serial_number}


def test_a_published_list_that_the_issuer_did_not_sign_says_nothing(fleet) -> None:
    fleet.run()
    key = key_identifier(fleet.authority.root.certificate)
    (fleet.public / list_path(key_identifier(fleet.authority.issuing.certificate))).write_bytes(
        (fleet.public / list_path(key)).read_bytes()
    )
    fleet.run(**WEB1)
    assert serials(fleet.crl()) == {fleet.leaves["web1"].serial_number}


def test_nothing_good_stays_published_where_nothing_else_can_be_done(fleet) -> None:
    fleet.run()
    response = fleet.public / response_path(fleet.leaves["web1"], fleet.authority.issuing.certificate, "sha1")
    path = fleet.public / list_path(key_identifier(fleet.authority.issuing.certificate))
    path.unlink()
    path.mkdir()
    with pytest.raises(PkiError, match="cannot be read"):
        fleet.run(**WEB1)
    assert not response.exists()
    path.rmdir()
    fleet.run()
    assert serials(fleet.crl()) == {fleet.leaves["web1"].serial_number}
    assert answer(fleet, "web1").certificate_status is ocsp.OCSPCertStatus.REVOKED


def test_nothing_good_is_published_of_a_revoked_leaf_while_the_responder_is_away(fleet) -> None:
    fleet.run()
    response = fleet.public / response_path(fleet.leaves["web1"], fleet.authority.issuing.certificate, "sha1")
    good = response.read_bytes()
    key = fleet.authority.issuing.responder.folder / KEY
    away = key.rename(key.with_name("away"))
    assert fleet.run(**WEB1)["ocsp"] == "pending"
    assert not response.exists()
    fleet.run(after=DAY)
    assert not response.exists()
    away.rename(key)
    assert fleet.run(after=DAY)["ocsp"] == "signed"
    assert response.read_bytes() != good


def test_a_list_is_renewed_when_half_of_its_life_is_over(fleet) -> None:
    fleet.run()
    first = fleet.crl()
    assert number(fleet.at(3 * DAY).crl()) == number(first)
    assert not any(
        entry["number"] != number(first) for entry in fleet.run(after=3 * DAY)["lists"] if "issuing" in entry["issuer"]
    )
    fleet.run(after=4 * DAY)
    assert number(fleet.crl()) > number(first)
    assert fleet.crl().next_update_utc > first.next_update_utc


def test_a_revoked_leaf_stays_on_a_list_of_the_time_after_it_ended(fleet) -> None:
    fleet.run(**WEB1)
    end = fleet.leaves["web1"].not_valid_after_utc - fleet.now
    fleet.run(after=end + DAY, publish=False)
    with open_ledger(fleet.ledger_path) as ledger:
        issuer = fleet.authority.issuing
        key = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex()
        one = ledger.revocations.last_list(key)
    assert serials(x509.load_der_x509_crl(one.signed.der)) == {fleet.leaves["web1"].serial_number}
    fleet.run(after=end + 15 * DAY, publish=False)
    with open_ledger(fleet.ledger_path) as ledger:
        assert serials(x509.load_der_x509_crl(ledger.revocations.last_list(key).signed.der)) == set()


# Beside another run that revokes


def revoked_meanwhile(fleet: Any, monkeypatch: pytest.MonkeyPatch, step: str, **named: str) -> None:
    """Have another run enter a revocation before this one does this ``step``, and be killed then."""
    original = getattr(RevocationTransaction, step)

    def after_another_run(transaction: RevocationTransaction, *arguments: Any) -> Any:
        monkeypatch.setattr(RevocationTransaction, step, original)
        arguments_of_task = {**NOTHING, "reason": "key_compromise", **named}
        with open_ledger(fleet.ledger_path) as ledger:
            RevocationTransaction(fleet.authority, fleet.passphrases, ledger, None, fleet.now).enter(arguments_of_task)
        return original(transaction, *arguments)

    monkeypatch.setattr(RevocationTransaction, step, after_another_run)


@pytest.mark.parametrize(
    "step", ["publish_lists", "sign_lists", "_sign_list", "_sign_responses", "publish_responses", "_remove_ended"]
)
@pytest.mark.parametrize("of_issuer", [False, True])
def test_what_is_entered_while_another_run_publishes_is_not_published_as_good(
    fleet, monkeypatch: pytest.MonkeyPatch, step: str, of_issuer: bool
) -> None:
    """And it counts as published only once all that tells of it is."""
    serial = f"{fleet.authority.issuing.certificate.serial_number:x}"
    revoked_meanwhile(fleet, monkeypatch, step, **({"serial": serial} if of_issuer else WEB1))
    fleet.run()
    for host in ("web1", "web2") if of_issuer else ("web1",):
        with suppress(FileNotFoundError):
            assert answer(fleet, host).certificate_status is ocsp.OCSPCertStatus.REVOKED
    listed = serials(fleet.crl(fleet.authority.root.certificate if of_issuer else None))
    assert rows(fleet.ledger_path, "SELECT published_at IS NOT NULL FROM revocations") == [(len(listed),)]
    fleet.run()
    assert serials(fleet.crl(fleet.authority.root.certificate if of_issuer else None))
    assert rows(fleet.ledger_path, "SELECT published_at IS NOT NULL FROM revocations") == [(1,)]


@pytest.mark.parametrize(("of_issuer", "good"), [(False, 2), (True, 0)])
def test_no_response_is_kept_that_says_good_of_what_was_revoked_while_it_was_signed(
    fleet, monkeypatch: pytest.MonkeyPatch, of_issuer: bool, good: int
) -> None:
    serial = f"{fleet.authority.issuing.certificate.serial_number:x}"
    revoked_meanwhile(fleet, monkeypatch, "_sign_responses", **({"serial": serial} if of_issuer else WEB1))
    fleet.run()
    assert rows(fleet.ledger_path, "SELECT COUNT(*) FROM responses WHERE NOT revoked") == [(good,)]


# Keys that are away


def test_without_the_issuing_key_ledger_and_responses_are_done_and_the_list_is_pending(fleet, tmp_path: Path) -> None:
    fleet.run()
    key = fleet.authority.issuing.folder / KEY
    away = key.rename(tmp_path / "key.pem")
    before = number(fleet.crl())
    result = fleet.run(**WEB1)
    assert (result["crl"], result["ocsp"]) == ("pending", "signed")
    assert {entry["state"] for entry in result["lists"]} == {"signed", "pending"}
    assert any("key.pem cannot be read: No such file" in warning for warning in result["warnings"])
    assert answer(fleet, "web1").certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert number(fleet.crl()) == before
    assert rows(fleet.ledger_path, "SELECT published_at FROM revocations") == [(None,)]
    away.rename(key)
    assert fleet.run()["crl"] == "signed"
    assert serials(fleet.crl()) == {fleet.leaves["web1"].serial_number}
    assert rows(fleet.ledger_path, "SELECT published_at IS NOT NULL FROM revocations") == [(1,)]


def test_a_passphrase_that_is_not_given_is_a_key_that_is_away_and_a_wrong_one_an_error(
    fleet, make_authority, make_leaf, tmp_path: Path
) -> None:
    fleet.authority = make_authority(tmp_path / "locked", Passphrases("p" * 16, "r" * 16))
    with open_ledger(fleet.ledger_path) as ledger, ledger.transaction():
        signer = fleet.authority.issuing
        ledger.record_leaf(
            fleet.leaves["web1"],
            signer.sha256,
            LeafPlace("web1", "/etc/pki/anchorage", "app"),
            ["app.test"],
            "controller",
        )
    fleet.passphrases = Passphrases("wrong" * 4, "r" * 16)
    with pytest.raises(PkiError, match="passphrase: this is not the passphrase"):
        fleet.run(**WEB1)
    assert rows(fleet.ledger_path, "SELECT * FROM revocations") == []
    fleet.passphrases = Passphrases(None, "r" * 16)
    pending = fleet.run(**WEB1)
    assert (pending["crl"], pending["ocsp"]) == ("pending", "signed")
    fleet.passphrases = Passphrases("p" * 16, None)
    finished = fleet.run()
    assert (finished["crl"], finished["ocsp"]) == ("signed", "signed")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda key: key.write_text("nothing"), "responder/1/key.pem is damaged"),
        (lambda key: key.write_bytes(key.parents[2].joinpath(KEY).read_bytes()), "does not fit the certificate beside"),
        (lambda key: key.chmod(0o644), "is open to other users"),
    ],
)
def test_a_damaged_key_of_the_responder_keeps_no_revocation_away(
    fleet, damage: Callable[[Path], object], words: str
) -> None:
    fleet.run()
    key = fleet.authority.issuing.responder.folder / KEY
    kept = key.read_bytes()
    damage(key)
    for check in (True, False):
        result = fleet.run(**WEB1, check=check)
        assert (result["changed"], result["crl"], result["ocsp"]) == (True, "signed", "pending")
        (warning,) = result["warnings"]
        assert warning.startswith("OCSP responses are pending: ")
        assert words in warning
    assert serials(fleet.crl()) == {fleet.leaves["web1"].serial_number}
    assert not fleet.run()["changed"]
    assert rows(fleet.ledger_path, "SELECT published_at FROM revocations") == [(None,)]
    key.write_bytes(kept)
    key.chmod(0o600)
    assert fleet.run()["ocsp"] == "signed"
    assert answer(fleet, "web1").certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert rows(fleet.ledger_path, "SELECT published_at IS NOT NULL FROM revocations") == [(1,)]


def test_a_damaged_issuing_key_keeps_no_revocation_away(fleet) -> None:
    (fleet.authority.issuing.folder / KEY).write_text("nothing")
    result = fleet.run(**WEB1)
    assert (result["changed"], result["crl"], result["ocsp"]) == (True, "pending", "signed")
    assert answer(fleet, "web1").certificate_status is ocsp.OCSPCertStatus.REVOKED


def test_an_issuing_authority_whose_folder_is_gone_leaves_its_list_pending(fleet, make_authority) -> None:
    fleet.run()
    former = fleet.authority.issuing
    response = fleet.public / response_path(fleet.leaves["web1"], former.certificate, "sha1")
    assert response.exists()
    make_authority(fleet.authority.folder, at=fleet.now + 1010 * DAY)  # so that it is not the last one
    shutil.rmtree(former.folder)
    subject = former.certificate.subject.rfc4514_string()
    for check in (True, False):
        result = fleet.run(**WEB1, check=check)
        assert (result["changed"], result["crl"], result["ocsp"]) == (True, "pending", "pending")
        assert {entry["issuer"]: entry["state"] for entry in result["lists"]}[subject] == "pending"
        assert any(
            warning.startswith(f"The list of {subject} that tells of a revocation is pending: the folder of {subject}")
            and f"is missing in {former.folder.parent}, with its keys." in warning
            for warning in result["warnings"]
        )
    assert not response.exists()  # rather no answer than a good one
    assert rows(fleet.ledger_path, "SELECT published_at FROM revocations") == [(None,)]


def test_an_issuing_authority_that_is_gone_is_missed_below_the_root_that_signed_it(fleet) -> None:
    former = fleet.authority.issuing
    rotated(fleet.authority, State.SWITCHING, fleet.now)
    shutil.rmtree(former.folder)
    authority = read_authority(fleet.authority.folder)
    with open_ledger(fleet.ledger_path) as ledger:
        whole = with_lost_issuers(authority, ledger.revocations.issuing_certificates())
        assert issuing_result(authority, ledger) == {"issuing_due": False}
    assert [[one.sha256 for one in epoch.issuers] for epoch in whole.epochs] == [
        [former.sha256],
        [authority.issuing.sha256],
    ]
    result = fleet.run(**WEB1)
    assert (result["crl"], result["ocsp"]) == ("pending", "pending")
    states = {entry["issuer"]: entry["state"] for entry in result["lists"]}
    assert [states.pop(former.certificate.subject.rfc4514_string()), *set(states.values())] == ["pending", "signed"]


def test_no_issuing_authority_of_a_root_that_is_still_to_come_takes_a_revoked_ones_place(fleet) -> None:
    authority = rotated(fleet.authority, State.DISTRIBUTING, fleet.now)
    with open_ledger(fleet.ledger_path) as ledger:
        assert issuing_result(authority, ledger) == {"issuing_due": False}
        with ledger.transaction():
            ledger.revocations.enter(authority.issuing.sha256, "ca_compromise", None, fleet.now)
        assert issuing_result(authority, ledger) == {"issuing_due": True}


def test_a_revocation_that_is_not_on_the_last_list_awaits_another_one(fleet, tmp_path: Path) -> None:
    """However it came that no number was taken for it."""
    fleet.run()
    with open_ledger(fleet.ledger_path) as ledger, ledger.transaction():
        ledger.revocations.enter(fingerprint(fleet.leaves["web1"]), "key_compromise", True, fleet.now)
    assert fleet.run(check=True)["changed"]
    key = fleet.authority.issuing.folder / KEY
    away = key.rename(tmp_path / "key.pem")
    pending = fleet.run()
    assert pending["crl"] == "pending"
    assert "that tells of a revocation is pending" in pending["warnings"][0]
    away.rename(key)
    assert fleet.run()["crl"] == "signed"
    assert serials(fleet.crl()) == {fleet.leaves["web1"].serial_number}
    assert not fleet.run()["changed"]


def test_a_root_that_is_off_line_leaves_its_own_list_pending_alone(fleet, tmp_path: Path) -> None:
    """As it is from the first run on."""
    key = fleet.authority.root.folder / KEY
    away = key.rename(tmp_path / "key.pem")
    subject = fleet.authority.root.certificate.subject.rfc4514_string()
    for after, changed in ((timedelta(), True), (timedelta(minutes=1), False)):
        result = fleet.run(**WEB1, after=after)
        assert (result["changed"], result["crl"], result["ocsp"]) == (changed, "signed", "signed")
        assert {entry["issuer"]: entry["state"] for entry in result["lists"]} == {
            subject: "pending",
            fleet.authority.issuing.certificate.subject.rfc4514_string(): "signed",
        }
        (warning,) = result["warnings"]
        assert warning.startswith(f"The first list of {subject} is pending: {key} cannot be read: No such file")
        assert "Put the key there for this run where it is kept elsewhere" in warning
    assert rows(fleet.ledger_path, "SELECT published_at IS NOT NULL FROM revocations") == [(1,)]
    issuing = fleet.run(serial=f"{fleet.authority.issuing.certificate.serial_number:x}")
    assert (issuing["changed"], issuing["crl"]) == (True, "pending")
    assert f"The list of {subject} that tells of a revocation is pending" in issuing["warnings"][0]
    away.rename(key)
    assert (fleet.run()["crl"], fleet.run()["changed"]) == ("signed", False)
    assert "warnings" not in fleet.run()


def test_a_responder_that_ended_leaves_the_responses_pending(fleet) -> None:
    result = fleet.run(**WEB1, after=40 * DAY)
    assert (result["crl"], result["ocsp"]) == ("signed", "pending")
    assert any("Run certificate_authority, which renews it" in warning for warning in result["warnings"])
    assert rows(fleet.ledger_path, "SELECT published_at FROM revocations") == [(None,)]


# Without a folder, and in check mode


def test_without_a_folder_all_is_signed_and_waits_to_be_published(fleet) -> None:
    result = fleet.run(**WEB1, publish=False)
    assert (result["changed"], result["crl"], result["ocsp"]) == (True, "signed", "signed")
    assert {entry["path"] for entry in result["lists"]} == {None}
    assert not fleet.public.exists()
    assert not fleet.run(**WEB1, publish=False)["changed"]
    assert rows(fleet.ledger_path, "SELECT published_at FROM revocations") == [(None,)]
    assert fleet.run()["changed"]
    assert serials(fleet.crl()) == {fleet.leaves["web1"].serial_number}


def test_check_mode_says_what_would_be_done_and_changes_nothing(fleet) -> None:
    before = rows(fleet.ledger_path, "SELECT * FROM certificates")
    assert fleet.run(**WEB1, check=True)["changed"]
    assert not fleet.public.exists()
    assert rows(fleet.ledger_path, "SELECT * FROM certificates") == before
    assert rows(fleet.ledger_path, "SELECT COUNT(*) FROM lists") == [(0,)]
    fleet.run(**WEB1)
    assert not fleet.run(**WEB1, check=True)["changed"]
    next(fleet.public.rglob("*.crl")).unlink()
    assert fleet.run(check=True)["changed"]


@pytest.mark.parametrize("days", [1, 2, 7, 15])
def test_runs_that_are_half_of_a_staples_validity_apart_leave_nothing_to_end(fleet, make_authority, days: int) -> None:
    half = timedelta(days=days) / 2
    for run in range(6):
        make_authority(fleet.authority.folder, at=fleet.now + run * half, staple_lifetime=days)  # a responder is due
        lists = fleet.run(after=run * half)["lists"]
        ends = [datetime.fromisoformat(entry["next_update"]) for entry in lists]
        of_responses = rows(fleet.ledger_path, "SELECT DISTINCT next_update FROM responses")
        ends += [datetime.fromtimestamp(end, timezone.utc) for (end,) in of_responses]
        assert min(ends) > fleet.now + (run + 1) * half
    issuing = fleet.crl()
    assert issuing.next_update_utc - issuing.last_update_utc == timedelta(days=days) + BACKDATE


def test_another_folder_is_published_to_in_full(fleet) -> None:
    fleet.run(**WEB1)
    another = fleet.at(timedelta(minutes=1))
    another.public = fleet.public.with_name("another")
    assert another.run(check=True)["changed"]
    assert another.run()["changed"]
    assert not another.run()["changed"]
    files = {
        folder: {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (fleet.public, another.public)
    }
    assert files[another.public] == files[fleet.public]
    another.run(name="app", host="web2")
    assert fleet.run()["changed"]
    assert answer(fleet, "web2").certificate_status is ocsp.OCSPCertStatus.REVOKED


def test_what_cannot_be_read_is_repaired_and_reported_and_told_in_check_mode(fleet) -> None:
    fleet.run()
    (fleet.public / "crl").chmod(0o700)
    for check, changed in ((True, True), (False, True), (True, False), (False, False)):
        assert fleet.run(check=check)["changed"] == changed
    assert (fleet.public / "crl").stat().st_mode & 0o777 == 0o755


def test_a_published_list_that_ends_soon_is_told(fleet) -> None:
    def warnings(after: timedelta) -> list[str]:
        with open_ledger(fleet.ledger_path, read_only=True) as ledger:
            signers = list_issuers(fleet.authority, ledger.last_leaf_ends(), fleet.now)
            published = {signer: ledger.revocations.published_list(signer.identifier) for signer in signers}
        return list_warnings(published, fleet.now + after)

    assert warnings(400 * DAY) == []  # of what was never published
    fleet.run(publish=False)
    assert warnings(400 * DAY) == []
    fleet.run()
    assert warnings(timedelta(days=5)) == []
    (warning,) = warnings(timedelta(days=5, hours=6))
    assert (
        f"list of {fleet.authority.issuing.certificate.subject.rfc4514_string()} ends at 2026-06-08T12:00:00Z"
        in warning
    )
    assert "Run the playbook publish, which renews it" in warning
    assert len(warnings(timedelta(days=135))) == 2
    fleet.run(publish=False, after=5 * DAY)  # which renews it, and leaves the published one as it is
    assert len(warnings(timedelta(days=6))) == 1
    fleet.run(after=5 * DAY)
    assert warnings(timedelta(days=6)) == []


# Issuing authorities


def test_a_revoked_issuing_authority_is_on_the_list_of_the_root(fleet) -> None:
    issuing = fleet.authority.issuing.certificate
    fleet.run(serial=f"{issuing.serial_number:X}", reason="ca_compromise")
    assert serials(fleet.crl(fleet.authority.root.certificate)) == {issuing.serial_number}
    assert serials(fleet.crl()) == set()
    with open_ledger(fleet.ledger_path) as ledger:
        assert ledger.revocations.revoked_authorities() == {fleet.authority.issuing.sha256}


def test_a_key_that_will_sign_nothing_more_keeps_no_revocation_of_its_issuer_away_in_check_mode(fleet) -> None:
    (fleet.authority.issuing.responder.folder / KEY).unlink()
    serial = f"{fleet.authority.issuing.certificate.serial_number:x}"
    for check in (True, False):
        result = fleet.run(serial=serial, check=check)
        assert (result["changed"], result["crl"], result["ocsp"]) == (True, "signed", "signed")
        assert [entry["places"] for entry in result["certificates"]] == [2]


def test_a_retired_issuing_authority_has_lists_until_its_last_leaf_has_ended(fleet, make_authority) -> None:
    former = fleet.authority.issuing.certificate.subject.rfc4514_string()
    fleet.run(serial=f"{fleet.authority.issuing.certificate.serial_number:x}")
    end = fleet.leaves["web1"].not_valid_after_utc - fleet.now
    make_authority(fleet.authority.folder)
    assert former in {entry["issuer"] for entry in fleet.run(after=end - DAY)["lists"]}
    assert former not in {entry["issuer"] for entry in fleet.run(after=end + DAY)["lists"]}


def test_the_list_of_a_renewed_root_has_the_revocations_of_its_former_certificate(fleet, make_authority) -> None:
    issuing = fleet.authority.issuing.certificate
    fleet.run(serial=f"{issuing.serial_number:x}")
    first = number(fleet.crl(fleet.authority.root.certificate))
    renewed = make_authority(fleet.authority.folder, at=fleet.now + 2600 * DAY)
    assert len(renewed.roots) == 2
    fleet.run(after=1000 * DAY, publish=False)  # while the issuing certificate has not ended
    with open_ledger(fleet.ledger_path) as ledger:
        key = renewed.root.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex()
        last = ledger.revocations.last_list(key)
    assert last.signed.number > first
    assert serials(x509.load_der_x509_crl(last.signed.der)) == {issuing.serial_number}


# What has ended


def test_the_responses_of_a_leaf_that_ended_are_removed(fleet) -> None:
    fleet.run(**WEB1)
    published = list((fleet.public / "ocsp").rglob("*"))
    assert len([path for path in published if path.is_file()]) == 4
    fleet.run(after=91 * DAY)
    assert not any(path.is_file() for path in fleet.public.rglob("ocsp/**/*"))
    assert rows(fleet.ledger_path, "SELECT COUNT(*) FROM responses") == [(0,)]
