# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks revoke and publish in real runs: what is replaced, what is no longer stapled, who is pending, and what
web servers get.

The hosts are this machine, each with a folder of its own.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority
from ansible_collections.anchorage.pki.tests.playbooks.fleets import NAMED, Fleet, statuses, tree
from ansible_collections.anchorage.pki.tests.playbooks.plays import Run, away
from ansible_collections.anchorage.pki.tests.unit.own_responder import own_responder
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

#: A good staple, as long as it is signed for.
PENDING = re.compile(r"/host1/site on host1, at most until 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def fleet(folder_with_leaves: Path) -> Fleet:
    return Fleet(folder_with_leaves)


def unchanged(run: Run) -> bool:
    return run.output.count("changed=0 ") == run.output.count(" changed=")


def test_a_revoked_leaf_is_replaced_on_its_host_alone(fleet: Fleet) -> None:
    revoked, other = fleet.serial("host1"), fleet.serial("host2")
    checked = fleet.revoke("--check", **NAMED)
    assert checked.status == 0, checked.output
    assert (
        f"-leaf certificate {revoked} at {fleet.folder}/host1/site on host1: deployed, attested good" in checked.output
    )
    assert "revoked now (key_compromise), to be reissued, a copy of a staple or response good until" in checked.output
    assert (fleet.leaves, fleet.serial("host1")) == ({"deployed": 2}, revoked)

    done = fleet.revoke(**NAMED)
    assert done.status == 0, done.output
    assert fleet.leaves == {"deployed": 2, "revoked": 1}
    assert fleet.serial("host1") != revoked
    assert fleet.is_stapled("host1")
    assert fleet.serial("host2") == other
    assert "host2" not in done.output

    replacement = fleet.serial("host1")
    for again in (fleet.revoke(anchorage_revoke_serial=revoked), fleet.revoke(), fleet.run("refresh_staples")):
        assert (again.status, unchanged(again)) == (0, True), again.output
    assert fleet.serial("host1") == replacement


def test_a_leaf_that_is_not_to_be_reissued_keeps_its_place_and_no_staple(fleet: Fleet) -> None:
    revoked = fleet.serial("host1")
    done = fleet.revoke(**NAMED, anchorage_revoke_reissue=False)
    assert done.status == 0, done.output
    assert (fleet.serial("host1"), fleet.is_stapled("host1")) == (revoked, False)
    site = fleet.run("site", "--tags=issue")
    assert site.status == 0, site.output
    assert re.search(
        r"site on host1 gets no leaf: it was revoked on 20\d\d-\d\d-\d\d \(key_compromise\), not to be reissued",
        site.text,
    )
    assert "certificate_revocation with reissue=true lifts that" in site.text
    assert (fleet.serial("host1"), fleet.is_stapled("host1")) == (revoked, False)

    again = fleet.revoke(**NAMED, anchorage_revoke_reissue=False)
    assert (again.status, unchanged(again)) == (0, True), again.output
    lifted = fleet.revoke(anchorage_revoke_serial=revoked, anchorage_revoke_reissue=True)
    assert lifted.status == 0, lifted.output
    assert (fleet.serial("host1") == revoked, fleet.is_stapled("host1")) == (False, True)


def test_a_host_that_cannot_be_reached_is_pending_until_staples_are_refreshed(fleet: Fleet) -> None:
    revoked = fleet.serial("host1")
    for run in (fleet.revoke(**NAMED, **away("host1")), fleet.revoke(**NAMED, **away("host1"))):
        assert run.status != 0
        assert "unreachable=1" in run.output
        assert PENDING.search(run.text), run.text
        assert "The playbook refresh_staples takes the staple away whenever it runs" in run.text
        assert f"All is revoked, and not all of it gone: {fleet.folder}/host1/site on host1." in run.text
    assert (fleet.leaves, fleet.is_stapled("host1")) == ({"deployed": 1, "revoked": 1}, True)
    still = fleet.run("refresh_staples", **away("host1"))
    assert (still.status, fleet.is_stapled("host1")) == (4, True), still.output

    refreshed = fleet.run("refresh_staples", anchorage_metrics_file=str(fleet.folder / "metrics.prom"))
    assert refreshed.status == 0, refreshed.output
    assert "site on host1 needs another leaf, and this task issues none: the deployed leaf is revoked" in refreshed.text
    assert (fleet.serial("host1"), fleet.is_stapled("host1")) == (revoked, False)
    assert not re.search(r"_refresh_failed\{.*\} 1$", (fleet.folder / "metrics.prom").read_text(), re.MULTILINE)

    finished = fleet.revoke()
    assert (finished.status, PENDING.search(finished.text)) == (0, None), finished.output
    assert fleet.run("issue").status == 0
    assert (fleet.serial("host1") == revoked, fleet.is_stapled("host1")) == (False, True)


def test_without_the_issuing_key_the_staple_is_taken_away(fleet: Fleet) -> None:
    revoked = fleet.serial("host1")
    (fleet.authority / "issuing" / "1" / "key.pem").rename(fleet.folder / "key.pem")
    public = f"{fleet.folder}/{{{{ inventory_hostname }}}}-public"
    run = fleet.revoke(**NAMED, anchorage_publish=public, anchorage_publish_hosts="host1")
    assert run.status == 2, run.output
    assert "No other leaf could be issued for host1: " in run.text
    assert "issuing/1/key.pem cannot be read: No such file" in run.text
    assert "host1 has no staple of it any more." in run.text
    assert f"host1 still has the revoked leaf in {fleet.folder}/host1/site, and a server" in run.text
    assert "Next: mend what is said above, and run the playbook site." in run.text
    assert "that tells of a revocation is pending: " in run.text
    assert (fleet.serial("host1"), fleet.is_stapled("host1")) == (revoked, False)
    assert not PENDING.search(run.text)
    # The host is a web server, too.
    assert statuses(tree(fleet.folder / "host1-public")).count(ocsp.OCSPCertStatus.REVOKED) == 2


def test_what_the_inventory_does_not_name_is_pending(fleet: Fleet) -> None:
    other = [{"name": "other", "names": ["other.test"]}]
    run = fleet.revoke(**NAMED, leaf_certificate_certificates=other)
    assert run.status == 2, run.output
    assert "host1: leaf certificates are revoked that the inventory does not name." in run.text
    assert PENDING.search(run.text)


def test_what_cannot_be_revoked_ends_the_run(fleet: Fleet) -> None:
    run = fleet.revoke(**{**NAMED, "anchorage_revoke_name": "sight"})
    assert run.status == 2
    assert "the ledger knows no leaf 'sight' of host 'host1'" in run.text
    wrong = fleet.revoke(**{**NAMED, "anchorage_revoke_reason": "on_hold"})
    assert wrong.status == 2
    assert fleet.leaves == {"deployed": 2}


def test_a_limit_that_leaves_out_the_ledger_is_a_failure(fleet: Fleet) -> None:
    limited = fleet.revoke("--limit=host1", **NAMED)
    assert (limited.status, fleet.leaves) == (2, {"deployed": 2}), limited.output
    assert "name localhost too, as in --limit host1,localhost" in limited.text
    both = fleet.revoke("--limit=host1,localhost", **NAMED)
    assert (both.status, fleet.leaves) == (0, {"deployed": 2, "revoked": 1}), both.output


def revoke_issuing(fleet: Fleet, *options: str, **variables: object) -> Run:
    path = fleet.authority / "issuing" / "1" / "certificate.pem"
    named = {"anchorage_revoke_certificate": str(path), "anchorage_revoke_reason": "ca_compromise"}
    return fleet.revoke(*options, **named, **variables)


def test_an_issuing_authority_is_replaced_and_its_leaves_on_all_hosts(fleet: Fleet) -> None:
    former = fleet.leaf("host1").issuer
    checked = revoke_issuing(fleet, "--check")
    assert checked.status == 0, checked.output
    assert re.search(r"issuing certificate \w+ of leaves in 2 places: signed, attested good until 20", checked.output)
    assert not (fleet.authority / "issuing" / "2").exists()

    run = revoke_issuing(fleet, **away("host2"))
    assert run.status != 0, run.output
    assert "All is revoked, and not all of it gone: " in run.text
    assert PENDING.search(run.text.replace("host2", "host1"))
    assert (fleet.leaf("host1").issuer == former, fleet.is_stapled("host1")) == (False, True)
    refreshed = fleet.run("refresh_staples")
    assert refreshed.status == 0, refreshed.output
    assert (fleet.leaf("host2").issuer == former, fleet.is_stapled("host2")) == (True, False)
    assert "host1" not in refreshed.output

    finished = fleet.revoke()
    assert finished.status == 0, finished.output
    assert (fleet.leaf("host2").issuer == former, fleet.is_stapled("host2")) == (False, True)
    for again in (revoke_issuing(fleet), fleet.revoke(), fleet.run("refresh_staples")):
        assert (again.status, unchanged(again)) == (0, True), again.output


def test_while_the_root_is_off_line_leaves_of_a_revoked_issuing_authority_lose_their_staples(fleet: Fleet) -> None:
    former = fleet.leaf("host1").issuer
    key = fleet.authority / "root" / "1" / "key.pem"
    kept = key.rename(fleet.folder / "key.pem")
    run = revoke_issuing(fleet)
    assert run.status == 2, run.output
    assert "The issuing certificate is revoked, and no other one could be made:" in run.text
    assert "root/1/key.pem cannot be read: No such file or directory. Put the key there for this run" in run.text
    assert "/host1/site on host1, at most until it is replaced, without a staple" in run.text
    assert {fleet.is_stapled(host) for host in ("host1", "host2")} == {False}

    kept.rename(key)
    site = fleet.run("site", "--tags=authority,issue")
    assert site.status == 0, site.output
    assert {fleet.leaf(host).issuer == former for host in ("host1", "host2")} == {False}
    assert fleet.revoke().status == 0


def test_the_next_run_takes_the_place_of_an_issuing_authority_where_one_could_not(fleet: Fleet) -> None:
    """Be it that the root's key was away, or that the run was killed, also with nothing pending on any host."""
    former = fleet.leaf("host1").issuer
    key = fleet.authority / "root" / "1" / "key.pem"
    kept = key.rename(fleet.folder / "key.pem")
    assert revoke_issuing(fleet).status == 2
    without_target = fleet.revoke()
    assert without_target.status == 2, without_target.output
    assert "The issuing certificate is revoked, and no other one could be made:" in without_target.text
    with open_ledger(fleet.authority / "ledger.sqlite3") as ledger, ledger.transaction():
        for host in ("host1", "host2"):
            ledger.mark_removed(LeafPlace(host, f"{fleet.folder}/{host}", "site"))
    nowhere = fleet.revoke()
    assert nowhere.status == 2, nowhere.output
    assert "The issuing certificate is revoked, and there is no other one yet. Mend what is said" in nowhere.text

    kept.rename(key)
    checked = fleet.revoke("--check", "--diff")
    assert checked.status == 0, checked.output
    assert "issuing authority 2" in checked.output
    finished = fleet.revoke()
    assert finished.status == 0, finished.output
    assert (fleet.authority / "issuing" / "2" / "responder" / "1").exists()
    assert fleet.run("issue").status == 0
    assert fleet.leaf("host1").issuer != former


def test_leaves_of_an_issuing_authority_are_replaced_by_the_run_after_one_that_was_killed(fleet: Fleet) -> None:
    former = fleet.leaf("host1").issuer
    with open_ledger(fleet.authority / "ledger.sqlite3") as ledger:
        authority, now = read_authority(fleet.authority), datetime.now(timezone.utc)
        named = {**NOTHING, "certificate": str(authority.issuing.folder / "certificate.pem")}
        RevocationTransaction(authority, Passphrases(), ledger, None, now).enter(named)
    finished = fleet.revoke()
    assert finished.status == 0, finished.output
    assert {fleet.leaf(host).issuer == former for host in ("host1", "host2")} == {False}
    assert fleet.revoke().status == 0  # which signs the first list of the other one
    again = revoke_issuing(fleet)
    assert (again.status, unchanged(again)) == (0, True), again.output


def test_a_name_is_revoked_in_one_folder_of_its_host(fleet: Fleet) -> None:
    before = fleet.serial("host1")
    wrong = fleet.revoke(**NAMED, anchorage_revoke_destination=f"{fleet.folder}/host2")
    assert (wrong.status, fleet.leaves) == (2, {"deployed": 2}), wrong.output
    done = fleet.revoke(**NAMED, anchorage_revoke_destination=f"{fleet.folder}//host1/")
    assert (done.status, fleet.leaves) == (0, {"deployed": 2, "revoked": 1}), done.output
    assert fleet.serial("host1") != before


def test_what_is_revoked_is_published_on_web_servers(fleet: Fleet) -> None:
    publishing = {
        "anchorage_publish": f"{fleet.folder}/{{{{ inventory_hostname }}}}-public",
        "anchorage_publish_hosts": ["host2"],
    }
    here, there = fleet.folder / "localhost-public", fleet.folder / "host2-public"
    checked = fleet.run("publish", "--check", **publishing)
    assert checked.status == 0, checked.output
    assert not here.exists()
    assert not there.exists()
    here.mkdir()
    (here / "notes").write_text("not for the public")
    published = fleet.run("publish", **publishing)
    assert published.status == 0, published.output
    (here / "notes").unlink()
    assert tree(there) == tree(here)
    assert statuses(tree(there)) == [ocsp.OCSPCertStatus.GOOD] * 4
    again = fleet.run("publish", **publishing)
    assert (again.status, unchanged(again)) == (0, True), again.output

    former = {path: path.stat().st_ino for path in there.rglob("*") if path.is_file()}
    (kept,) = (
        path
        for path in (there / "crl").iterdir()
        if x509.load_der_x509_crl(path.read_bytes()).issuer == fleet.leaf("host1").issuer
    )
    with kept.open("rb") as reader:
        before = kept.read_bytes()
        revoked = fleet.revoke(**NAMED, **publishing)
        assert revoked.status == 0, revoked.output
        assert reader.read() == before  # whoever was reading the former file reads it to its end
    assert tree(there) == tree(here)
    assert kept.stat().st_ino != former[kept]
    assert statuses(tree(there)).count(ocsp.OCSPCertStatus.REVOKED) == 2
    assert {path.stat().st_mode & 0o777 for path in there.rglob("*")} == {0o755, 0o644}


def test_site_publishes_before_leaves_say_where_and_after_they_are_issued(private_folder: Path) -> None:
    fleet = Fleet(private_folder)
    fleet.variables |= {
        "anchorage_publish": f"{fleet.folder}/public",
        "certificate_authority_crl_url": "http://pki.test/crl/{issuer}.crl",
        "certificate_authority_ocsp_url": "http://pki.test/ocsp",
        "certificate_authority_issuer_url": "http://pki.test/issuers/{issuer}.cer",
    }
    parts = "--tags=authority,issue,publish"
    checked = fleet.run("site", "--check", parts)
    assert checked.status == 0, checked.output
    assert not fleet.authority.exists()
    assert not (fleet.folder / "public").exists()
    done = fleet.run("site", parts)
    assert done.status == 0, done.output
    files = tree(fleet.folder / "public")
    points = fleet.leaf("host1").extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert points[0].full_name[0].value.removeprefix("http://pki.test/") in files
    assert statuses(files) == [ocsp.OCSPCertStatus.GOOD] * 4
    again = fleet.run("site", parts)
    assert (again.status, unchanged(again)) == (0, True), again.output


def test_a_published_list_that_ends_soon_is_told_by_what_does_not_renew_it(fleet: Fleet) -> None:
    publishing = {"anchorage_publish": f"{fleet.folder}/public"}
    assert fleet.run("publish", **publishing).status == 0
    warning = re.compile(
        r"The published list of CN=.* issuing 1 ends at 20\d\d-.*, after which verifiers that ask for it refuse"
    )
    watching = ("refresh_staples", "doctor")
    for playbook in watching:
        assert not warning.search(fleet.run(playbook).text)
    with closing(sqlite3.connect(fleet.authority / "ledger.sqlite3")) as connection:
        connection.execute(
            "UPDATE lists SET next_update = next_update - 6 * 86400, this_update = this_update - 6 * 86400"
        )
        connection.commit()
    for playbook in watching:
        run = fleet.run(playbook)
        assert warning.search(run.text), run.text
    renewed = fleet.run("publish", **publishing)
    assert renewed.status == 0, renewed.output
    assert not warning.search(fleet.run("doctor").text)


def test_hosts_are_visited_where_nothing_can_be_published_and_the_run_fails(fleet: Fleet) -> None:
    public = fleet.folder / "public"
    public.mkdir()
    (public / "crl").touch()
    publishing = {"anchorage_publish": str(public), "anchorage_publish_hosts": "host2"}
    revoked = fleet.serial("host1")
    run = fleet.revoke(**NAMED, **publishing)
    assert run.status == 2, run.output
    assert "What the task names is revoked in the ledger. Not all that tells of it is signed and published" in run.text
    assert fleet.serial("host1") != revoked
    last = run.output[run.output.index("TASK [Sign and publish what is due]") :]
    assert "public/crl is no folder. Remove it, or name another folder." in " ".join(last.split())
    assert "Copy what is published" not in run.output

    (public / "crl").unlink()
    replacement = fleet.serial("host1")
    mended = fleet.revoke(**NAMED, **publishing)  # the same command, as after a run that was killed before it published
    assert mended.status == 0, mended.output
    assert fleet.serial("host1") == replacement
    assert statuses(tree(public)).count(ocsp.OCSPCertStatus.REVOKED) == 2


def test_hosts_are_visited_where_nothing_can_be_signed_and_the_run_fails(fleet: Fleet) -> None:
    (fleet.authority / "publication-lock").mkdir()
    revoked = fleet.serial("host1")
    run = fleet.revoke(**NAMED)
    assert run.status == 2, run.output
    assert fleet.serial("host1") != revoked
    last = run.output[run.output.index("TASK [See that all is signed]") :]
    assert "publication-lock cannot be opened: Is a directory" in " ".join(last.split())


def test_web_servers_lose_the_responses_that_the_controller_removes_and_nothing_else(fleet: Fleet) -> None:
    publishing = {
        "anchorage_publish": f"{fleet.folder}/{{{{ inventory_hostname }}}}-public",
        "anchorage_publish_hosts": "host2",
    }
    here, there = fleet.folder / "localhost-public", fleet.folder / "host2-public"
    assert fleet.run("publish", **publishing).status == 0
    theirs = [there / "notes", there / "crl" / "another.crl"]
    stale = there / "ocsp" / "ME8w" / "of a leaf that ended"
    stale.parent.mkdir()
    for path in (*theirs, stale):
        path.touch()
    for folder in (there, there / "ocsp"):
        folder.chmod(0o2700)
    responder = fleet.authority / "issuing" / "1" / "responder" / "1" / "key.pem"
    kept = responder.rename(fleet.folder / "responder.pem")
    for check in (["--check"], []):  # host1 gets no leaf, since none is stapled
        run = fleet.revoke(*check, **NAMED, **publishing, leaf_certificate_certificates=[])
        assert "OCSP responses are pending" in run.text
    assert not stale.exists()
    assert all(path.exists() for path in theirs)
    assert {folder.stat().st_mode & 0o7777 for folder in (there, there / "ocsp")} == {0o2755}
    assert statuses(tree(there)) == statuses(tree(here)) == [ocsp.OCSPCertStatus.GOOD] * 2
    kept.rename(responder)
    assert fleet.run("publish", **publishing).status == 0
    assert statuses(tree(there)).count(ocsp.OCSPCertStatus.REVOKED) == 2
    again = fleet.run("publish", **publishing)
    assert (again.status, unchanged(again)) == (0, True), again.output


def test_a_web_server_that_cannot_be_reached_keeps_no_host_from_its_leaf(fleet: Fleet) -> None:
    publishing = {"anchorage_publish": f"{fleet.folder}/public", "anchorage_publish_hosts": "host2"}
    revoked = fleet.serial("host1")
    run = fleet.revoke(**NAMED, **publishing, **away("host2"))
    assert run.status == 4, run.output
    assert fleet.serial("host1") != revoked
    assert (fleet.folder / "public" / "crl").is_dir()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_the_responder_of_a_host_says_good_of_no_revoked_leaf(fleet: Fleet) -> None:
    """As ``openssl ocsp -url`` asks, by POST."""
    places = fleet.folder / "respond.d"
    places.mkdir()
    (places / "site.json").write_text(json.dumps({"path": str(fleet.folder / "host1" / "site")}))
    issuing, root = (fleet.authority / part / "1" / "certificate.pem" for part in ("issuing", "root"))
    trust = ["-issuer", issuing, "-verify_other", issuing, "-CAfile", root, "-no_nonce"]

    def asked_about(leaf: x509.Certificate) -> str:
        path = fleet.folder / "asked.pem"
        path.write_bytes(leaf.public_bytes(Encoding.PEM))
        command = ["openssl", "ocsp", *trust, "-cert", path, "-url", f"http://127.0.0.1:{port}/"]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        return finished.stdout + finished.stderr

    with own_responder(fleet.folder, places) as port:
        former = fleet.leaf("host1")
        assert "asked.pem: good" in asked_about(former)
        assert fleet.revoke(**NAMED, anchorage_revoke_reissue=False).status == 0
        said = asked_about(former)
        assert ("good" in said, "404" in said) == (False, True), said
        serial = f"{former.serial_number:x}"
        assert fleet.revoke(anchorage_revoke_serial=serial, anchorage_revoke_reissue=True).status == 0
        assert "404" in asked_about(former)
        assert "asked.pem: good" in asked_about(fleet.leaf("host1"))


def test_a_leaf_that_the_inventory_keeps_from_being_replaced_fails_the_run(fleet: Fleet) -> None:
    revoked = fleet.serial("host1")
    run = fleet.revoke(**NAMED, leaf_certificate_issue=False)
    assert run.status == 2, run.output
    assert "for host1: leaf_certificate_issue is false, though the deployed leaf is revoked." in run.text
    assert f"host1 still has the revoked leaf in {fleet.folder}/host1/site" in run.text
    assert (fleet.serial("host1"), fleet.is_stapled("host1")) == (revoked, False)


def test_a_controller_whose_own_leaf_cannot_be_replaced_names_the_others_and_publishes(private_folder: Path) -> None:
    fleet = Fleet(private_folder)
    make_authority(fleet.authority)
    inventory = fleet.folder / "more.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"localhost": {"ansible_connection": "local"}}}}))
    more = f"--inventory={inventory}"
    assert fleet.run("issue", more).status == 0
    mode = "{{ 'nonsense' if inventory_hostname == 'localhost' else omit }}"
    public = fleet.folder / "public"
    failing = {"leaf_certificate_mode": mode, "anchorage_publish": str(public), **away("host1")}
    run = revoke_issuing(fleet, more, **failing)
    assert run.status != 0, run.output
    assert PENDING.search(run.text), run.text
    assert "TASK [Sign and publish what is due]" in run.output
    assert "No other leaf could be issued for localhost: " in run.text
    assert "Nor could its staple be taken away: " in run.text
    assert len(list((public / "crl").iterdir())) == 3
