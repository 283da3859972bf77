# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task names: the leaves of a place, or one certificate; and what cannot be revoked."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import (
    Target,
    find_targets,
    parse_serial,
)
from cryptography import x509

DAY = timedelta(days=1)
NOTHING = dict.fromkeys(("name", "host", "destination", "serial", "certificate"))


@pytest.fixture
def ledger(own_authority: Authority):
    with open_ledger(own_authority.ledger_path) as opened:
        yield opened


@pytest.fixture
def enter(own_authority: Authority, ledger: Ledger, make_leaf, now: datetime):
    """A function that enters a leaf of a place, in use unless told otherwise, and returns it."""

    def run(destination: str = "/etc/pki/anchorage", deployed: bool = True, host: str = "web1") -> x509.Certificate:
        place, leaf = LeafPlace(host, destination, "app"), make_leaf()
        with ledger.transaction():
            ledger.record_leaf(leaf, own_authority.issuing.sha256, place, ["app.test"], "controller")
            if deployed:
                ledger.mark_deployed(place, fingerprint(leaf), "", now)
        return leaf

    return run


def find(ledger: Ledger, at: datetime, publishes: bool = False, **named: Any) -> list[Target]:
    arguments = {**NOTHING, "reason": "superseded", "reissue": True, **named}
    return find_targets(arguments, [], ledger.revocations, at, publishes)


def found(targets: list[Target]) -> set[x509.Certificate]:
    return {target.known.certificate for target in targets}


def test_a_place_means_the_leaves_in_use_and_those_signed_for_it(enter, ledger: Ledger, now: datetime) -> None:
    enter()
    current, signed = enter(), enter(deployed=False)
    enter(host="web2")
    elsewhere = enter("/srv/tls")
    here = {"name": "app", "host": "web1", "destination": "/etc/pki/anchorage"}
    assert found(find(ledger, now, **here)) == {current, signed}
    assert found(find(ledger, now, name="app", host="web1")) == {current, signed, elsewhere}


def test_a_place_whose_leaves_are_all_revoked_means_the_last_one(enter, ledger: Ledger, now: datetime) -> None:
    former, current = enter(deployed=False), enter(deployed=False)
    with ledger.transaction():
        for leaf in (former, current):
            ledger.revocations.enter(fingerprint(leaf), "superseded", True, now)
    (target,) = find(ledger, now, name="app", host="web1")
    assert (target.known.certificate, target.is_new, target.changed) == (current, False, False)
    (target,) = find(ledger, now, name="app", host="web1", reissue=False)
    assert (target.is_new, target.changed) == (False, True)
    following = enter()
    assert found(find(ledger, now, name="app", host="web1")) == {following}


def test_a_revocation_that_is_not_published_is_finished_before_what_replaced_its_leaf_is_revoked(
    enter, ledger: Ledger, own_authority: Authority, now: datetime
) -> None:
    revoked = enter()
    with ledger.transaction():
        ledger.revocations.enter(fingerprint(revoked), "superseded", True, now)
    replacement, elsewhere = enter(), enter("/srv/tls")
    here = {"name": "app", "host": "web1", "destination": "/etc/pki/anchorage"}
    (target,) = find(ledger, now, publishes=True, **here)
    assert (target.known.certificate, target.changed) == (revoked, False)
    assert target.spared == (replacement.serial_number,)
    assert found(find(ledger, now, publishes=True, name="app", host="web1")) == {revoked, elsewhere}
    (exact,) = find(ledger, now, publishes=True, serial=f"{replacement.serial_number:x}")
    assert (exact.known.certificate, exact.is_new, exact.spared) == (replacement, True, ())
    # Who publishes nowhere has nothing to finish.
    assert found(find(ledger, now, **here)) == {replacement}
    with ledger.transaction():
        ledger.revocations.mark_published([own_authority.issuing.sha256], now)
    (target,) = find(ledger, now, publishes=True, **here)
    assert (target.known.certificate, target.is_new, target.spared) == (replacement, True, ())


@pytest.mark.parametrize("publishes", [False, True])
def test_a_revocation_whose_host_is_pending_is_finished_before_what_was_signed_since_is_revoked(
    enter, ledger: Ledger, own_authority: Authority, responder, now: datetime, publishes: bool
) -> None:
    revoked = enter()
    staple = sign_staple(revoked, own_authority.issuing.certificate, responder, 7, now)
    place = LeafPlace("web1", "/etc/pki/anchorage", "app")
    with ledger.transaction():
        ledger.record_staple(staple, fingerprint(revoked))
        ledger.mark_deployed(place, fingerprint(revoked), staple.sha256, now)
        ledger.revocations.enter(fingerprint(revoked), "superseded", True, now)
        ledger.revocations.mark_published([own_authority.issuing.sha256], now)
    signed = enter(deployed=False)  # and nobody saw it arrive
    (target,) = find(ledger, now, publishes, name="app", host="web1")
    assert (target.known.certificate, target.spared) == (revoked, (signed.serial_number,))
    with ledger.transaction():
        ledger.mark_deployed(place, fingerprint(signed), "", now)
    (target,) = find(ledger, now, publishes, name="app", host="web1")
    assert (target.known.certificate, target.spared) == (signed, ())


@pytest.mark.parametrize("written", ["/etc/pki/anchorage/", "/etc/pki//anchorage", "/etc/pki/x/../anchorage/."])
def test_a_destination_may_be_written_in_any_way(enter, ledger: Ledger, now: datetime, written: str) -> None:
    here, _elsewhere = enter(), enter("/srv/tls")
    assert found(find(ledger, now, name="app", host="web1", destination=written)) == {here}


def test_a_place_that_is_to_have_no_other_leaf_is_found_beside_what_was_signed_since(
    enter, ledger: Ledger, now: datetime
) -> None:
    former, signed = enter(), enter(deployed=False)
    with ledger.transaction():
        ledger.revocations.enter(fingerprint(former), "superseded", False, now)
    assert found(find(ledger, now, name="app", host="web1")) == {former, signed}
    with ledger.transaction():
        ledger.revocations.enter(fingerprint(signed), "superseded", True, now)
    (target,) = find(ledger, now, name="app", host="web1", reissue=True)
    assert (target.known.certificate, target.is_new, target.changed) == (former, False, True)


def test_a_leaf_that_was_replaced_has_no_place_and_the_last_one_of_a_place_has(
    enter, ledger: Ledger, now: datetime
) -> None:
    former, current = enter(), enter()
    for leaf, reissue in ((former, None), (current, False)):
        (target,) = find(ledger, now, serial=f"{leaf.serial_number:x}", reissue=False)
        assert (target.reissue, target.changed) == (reissue, True)
        with ledger.transaction():
            ledger.revocations.enter(fingerprint(leaf), "superseded", target.reissue, now)
        (again,) = find(ledger, now, serial=f"{leaf.serial_number:x}", reissue=False)
        assert (again.reissue, again.changed) == (reissue, False)
    removed = enter()
    with ledger.transaction():
        ledger.mark_removed(LeafPlace("web1", "/etc/pki/anchorage", "app"))
    (target,) = find(ledger, now, serial=f"{removed.serial_number:x}", reissue=False)
    assert target.reissue is False


def test_a_revoked_leaf_that_was_replaced_blocks_nothing(enter, ledger: Ledger, now: datetime) -> None:
    former = enter()
    serial = f"{former.serial_number:x}"
    with ledger.transaction():
        ledger.revocations.enter(fingerprint(former), "key_compromise", True, now)
    signed = enter(deployed=False)  # which may never arrive
    (target,) = find(ledger, now, serial=serial, reissue=False)
    assert (target.reissue, target.changed, target.is_replaced) == (False, True, False)
    with ledger.transaction():
        ledger.mark_deployed(LeafPlace("web1", "/etc/pki/anchorage", "app"), fingerprint(signed), "", now)
    (target,) = find(ledger, now, serial=serial, reissue=False)
    assert (target.reissue, target.changed, target.is_replaced) == (True, False, True)


def test_a_block_is_lifted_by_the_leaf_that_made_it_also_once_another_one_was_there(
    enter, ledger: Ledger, now: datetime
) -> None:
    former = enter()
    with ledger.transaction():
        ledger.revocations.enter(fingerprint(former), "key_compromise", False, now)
    enter()
    for reissue, changed in ((False, False), (True, True)):
        (target,) = find(ledger, now, serial=f"{former.serial_number:x}", reissue=reissue)
        assert (target.reissue, target.changed, target.is_replaced) == (reissue, changed, False)


def test_a_serial_or_a_file_means_one_whatever_became_of_it(
    enter, ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    former = enter()
    enter()
    digits = f"{former.serial_number:X}"
    assert found(find(ledger, now, serial=digits)) == {former}
    (tmp_path / "leaf.pem").write_text(to_pem(former))
    assert found(find(ledger, now, certificate=str(tmp_path / "leaf.pem"))) == {former}


def test_a_file_with_several_certificates_is_refused(
    enter, ledger: Ledger, own_authority: Authority, now: datetime, tmp_path: Path
) -> None:
    leaf, issuing = enter(), own_authority.issuing.certificate
    path = tmp_path / "bundle.pem"
    for certificates in ((leaf, issuing), (issuing, leaf)):
        path.write_text("".join(map(to_pem, certificates)))
        with pytest.raises(PkiError, match=rf"^certificate: {path} holds 2 certificates: ") as refused:
            find(ledger, now, certificate=str(path))
        assert f"the issuing certificate {issuing.serial_number:x} (CN=Test authority issuing" in str(refused.value)
        assert f"the leaf certificate {leaf.serial_number:x}" in str(refused.value)
        assert "Name a file with the one that is to be revoked" in str(refused.value)


def test_the_chain_in_the_folder_of_a_leaf_revokes_no_issuing_authority(
    ledger: Ledger, own_authority: Authority, now: datetime, tmp_path: Path
) -> None:
    path = tmp_path / "chain.pem"
    path.write_text(to_pem(own_authority.issuing.certificate))
    with pytest.raises(
        PkiError, match=rf"^certificate: {path} holds the issuing certificate [0-9a-f]+ \(CN="
    ) as refused:
        find(ledger, now, certificate=str(path))
    assert "The leaf's own certificate is cert.pem" in str(refused.value)
    own = own_authority.issuing.folder / "certificate.pem"
    assert found(find(ledger, now, certificate=str(own))) == {own_authority.issuing.certificate}


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_without_a_certificate_is_refused(ledger: Ledger, now: datetime, tmp_path: Path, content: str) -> None:
    (tmp_path / "none.pem").write_text(content)
    with pytest.raises(PkiError, match=r"none.pem holds no certificate in PEM"):
        find(ledger, now, certificate=str(tmp_path / "none.pem"))


def test_nothing_named_means_nothing(enter, ledger: Ledger, now: datetime) -> None:
    enter()
    assert find(ledger, now) == []


def test_what_has_ended_is_not_revoked(enter, ledger: Ledger, now: datetime) -> None:
    leaf = enter()
    with pytest.raises(PkiError, match="ended on 2026-08-30: nobody accepts it any more"):
        find(ledger, now + 100 * DAY, serial=f"{leaf.serial_number:x}")
    with pytest.raises(PkiError, match="knows no leaf 'app' of host 'web1' in /x that is in use and has not ended"):
        find(ledger, now, name="app", host="web1", destination="/x")
    with pytest.raises(PkiError, match="knows no leaf 'app' of host 'web1' that is in use"):
        find(ledger, now + 100 * DAY, name="app", host="web1")


@pytest.mark.parametrize(("text", "number"), [("0a", 10), ("0A:0b", 0xA0B), ("7", 7)])
def test_a_serial_is_hexadecimal(text: str, number: int) -> None:
    assert parse_serial(text) == number


@pytest.mark.parametrize("text", ["", ":", "0x1f", "web1", "1 2", "-1", "\u0661"])
def test_what_is_no_serial_is_refused(text: str) -> None:
    with pytest.raises(PkiError, match="is not a number in hexadecimal"):
        parse_serial(text)
