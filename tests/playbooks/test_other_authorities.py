# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staples for certificates of other authorities in whole playbooks: who is called, what is fetched, shown and removed.

The hosts are this machine, each with a folder of its own, and the responder is in this process.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority, make_due
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller, Run, away
from ansible_collections.anchorage.pki.tests.unit.exposition import read_metrics
from ansible_collections.anchorage.pki.tests.unit.foreign_authority import DAY, ForeignAuthority
from ansible_collections.anchorage.pki.tests.unit.ocsp_responder import (
    TRY_LATER,
    Reply,
    Responder,
    Seen,
    redirect,
    responder,
)
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

#: What a verbose run writes for each time that a host half is sent to a host.
CALL = re.compile(r"^Using module file \S+/(?:leaf|staple)_deployment\.py", re.MULTILINE)
FAILED = "anchorage_staple_refresh_failed"
FAILURES = "anchorage_staple_refresh_consecutive_failures"


class Fleet:
    """Two hosts with a certificate each from an authority that is not ours, and a third one, which has none.

    Their responder gives the next one of ``replies``, and good responses once there are none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.controller = Controller(folder)
        now, key = datetime.now(timezone.utc).replace(microsecond=0), ec.generate_private_key(ec.SECP256R1())
        root = make_root("Corporate authority", key=key, not_before=now - 400 * DAY, not_after=now + 400 * DAY)
        self.authority = ForeignAuthority(root, key, now)
        self.replies: list[Callable[[Seen], Reply]] = []
        self.leaves: dict[int, x509.Certificate] = {}
        self.metrics = folder / "metrics.prom"
        self.variables: dict[str, object] = {
            "ansible_become": False,
            "anchorage_authority": str(folder / "authority"),
            "anchorage_metrics_file": str(self.metrics),
            "leaf_certificate_destination": f"{folder}/{{{{ inventory_hostname }}}}/pki",
            "leaf_certificate_withdrawal": "off",  # no unit of systemd may stay on this machine
            "ocsp_staple_destination": f"{folder}/{{{{ inventory_hostname }}}}/staples",
            "ocsp_staple_allow_private": True,
            "ocsp_staple_activate": {},
            "ocsp_staple_withdrawal": "off",
        }
        self.name(host1=["shop"], host2=["shop"])

    def name(self, **names: list[str]) -> None:
        """Have the inventory name staples, by their hosts."""
        hosts = {
            host: {
                "ocsp_staple_certificates": [
                    {"name": name, "certificate": f"{self.folder}/{host}/tls/{name}.pem"} for name in of_host
                ]
            }
            for host, of_host in names.items()
        }
        (self.folder / "more.json").write_text(json.dumps({"all": {"hosts": hosts}}))

    def certify(self, url: str, *places: str) -> None:
        """Have hosts get a new certificate each, whose responder is at ``url``."""
        for place in places:
            host, _slash, name = place.partition("/")
            leaf = self.authority.leaf(f"{name}.test", [url])
            self.leaves[leaf.serial_number] = leaf
            path = self.folder / host / "tls" / f"{name}.pem"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pem_of(leaf) + pem_of(self.authority.certificate))

    def answer(self, seen: Seen) -> Reply:
        return self.replies.pop(0)(seen) if self.replies else self.respond(seen)

    def respond(
        self,
        seen: Seen,
        begins: timedelta = timedelta(hours=-1),
        ends: timedelta = 7 * DAY,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    ) -> Reply:
        leaf = self.leaves[ocsp.load_der_ocsp_request(seen.ocsp_request).serial_number]
        return Reply(self.authority.response(leaf, begins, ends, status))

    def run(self, playbook: str, *options: str, hosts: int = 3, **variables: object) -> Run:
        extra = json.dumps({**self.variables, **variables})
        more = f"--inventory={self.folder}/more.json"
        return self.controller.run(playbook, more, f"--extra-vars={extra}", "-vvv", *options, hosts=hosts)

    def refresh(self, *options: str, hosts: int = 3, **variables: object) -> Run:
        return self.run("anchorage.pki.refresh_staples", *options, hosts=hosts, **variables)

    def uninstall(self, *options: str) -> Run:
        """Undo all of it on the hosts, and nothing on the controller, which is this machine."""
        return self.run("anchorage.pki.uninstall", "--limit=all", *options)

    def staple(self, host: str, name: str = "shop") -> bytes | None:
        path = self.folder / host / "staples" / name / "current" / "staple.der"
        return path.read_bytes() if path.exists() else None

    def measured(self, metric: str) -> dict[str, int]:
        """The values of a metric by the last parts of what is measured, such as host1/staples/shop."""
        samples = read_metrics(self.metrics.read_text(encoding="utf-8"))[metric]
        return {
            str(Path(dict(labels)["certificate"]).relative_to(self.folder)): value for labels, value in samples.items()
        }

    def forget_pauses(self) -> None:
        """Have responders be asked again now."""
        for source in self.folder.glob("*/staples/*/.source.json"):
            content = json.loads(source.read_text())
            source.write_text(json.dumps({**content, "next_attempt": 0}))


def calls(run: Run) -> int:
    """How often a host was called, be it for a look."""
    return len(CALL.findall(run.output))


def try_later(_seen: Seen) -> Reply:
    return Reply(TRY_LATER)


@pytest.fixture
def fleet(private_folder: Path) -> Fleet:
    return Fleet(private_folder)


@pytest.fixture
def there(fleet: Fleet) -> Iterator[Responder]:
    """The responder, once each host has its certificate."""
    with responder(fleet.answer) as running:
        fleet.certify(running.url, "host1/shop", "host2/shop")
        yield running


def test_staples_are_fetched_once_and_without_an_authority(fleet: Fleet, there: Responder) -> None:
    checked = fleet.refresh("--check")
    assert (checked.status, there.connections, calls(checked)) == (0, 0, 2), checked.output
    assert not fleet.metrics.exists()
    done = fleet.refresh()
    # Each is looked at, fetches and deploys.
    assert (done.status, there.connections, calls(done)) == (0, 2, 6), done.output
    assert fleet.staple("host1")
    assert fleet.staple("host2")
    assert "host3" not in done.output
    assert not (fleet.folder / "authority").exists()
    assert fleet.measured(FAILED) == {"host1/staples/shop": 0, "host2/staples/shop": 0}
    before = fleet.staple("host1")
    again = fleet.refresh()
    assert (again.status, there.connections, calls(again)) == (0, 2, 2), again.output
    assert "changed=0 " in again.output
    assert fleet.staple("host1") == before


def test_twenty_hosts_with_one_certificate_make_one_request(fleet: Fleet, there: Responder) -> None:
    names = [f"host{number}" for number in range(1, 21)]
    fleet.name(**{name: ["shop"] for name in names})
    shared = (fleet.folder / "host1" / "tls" / "shop.pem").read_bytes()
    for name in names:
        path = fleet.folder / name / "tls" / "shop.pem"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(shared)
    done = fleet.refresh("--forks=10", hosts=20)
    assert (done.status, there.connections) == (0, 1), done.output
    assert len({fleet.staple(name) for name in names}) == 1
    assert fleet.staple("host20")
    again = fleet.refresh("--forks=10", hosts=20)
    assert (again.status, there.connections, calls(again)) == (0, 1, 20), again.output


def test_a_part_of_the_hosts_can_be_chosen(fleet: Fleet, there: Responder) -> None:
    assert fleet.refresh().status == 0
    fleet.replies = [try_later]
    fleet.certify(there.url, "host1/shop")
    before = fleet.metrics.read_text()
    run = fleet.refresh(anchorage_hosts="host2")
    assert (run.status, len(fleet.replies)) == (0, 1), run.output
    assert "host1/" not in "".join(set(fleet.metrics.read_text().splitlines()) ^ set(before.splitlines()))
    none = fleet.refresh(anchorage_hosts="host3")
    assert none.status == 2
    assert f"There is no authority in {fleet.folder}/authority." in none.text


def test_a_responder_that_fails_is_warned_of_and_shown_and_costs_no_good_staple(fleet: Fleet, there: Responder) -> None:
    fleet.replies = [functools.partial(fleet.respond, begins=-6 * DAY, ends=DAY)]
    assert fleet.refresh("--limit=host1,localhost").status == 0
    old = fleet.staple("host1")
    assert old
    fleet.replies = [try_later]
    failed = fleet.refresh("--limit=host1,localhost")
    assert failed.status == 0, failed.output
    assert f"{there.place} answered tryLater. The one that it has stays, until 20" in failed.text
    assert fleet.staple("host1") == old
    assert fleet.measured(FAILURES)["host1/staples/shop"] == 1
    asked = there.connections
    paused = fleet.refresh("--limit=host1,localhost")
    assert (paused.status, there.connections, calls(paused)) == (0, asked, 1), paused.output
    assert fleet.measured(FAILURES)["host1/staples/shop"] == 2
    fleet.forget_pauses()
    assert fleet.refresh().status == 0
    assert fleet.staple("host1") not in (None, old)
    assert fleet.measured(FAILED) == {"host1/staples/shop": 0, "host2/staples/shop": 0}


def test_a_responder_that_misbehaves_takes_no_good_staple_away(fleet: Fleet) -> None:
    """A certificate for each way, and each has a good staple, of which half of the time is over."""
    ways: dict[str, tuple[Callable[[Seen], Reply], str]] = {
        "slow": (lambda _seen: Reply(delay=25), "did not answer in time"),
        "huge": (lambda _seen: Reply(b"x" * 70_000), "sent more than 65536 bytes"),
        "html": (lambda _seen: Reply(b"<html>", content_type="text/html"), "answered with something else than"),
        "cut": (lambda _seen: Reply(only=30), "cut the connection"),
        "later": (try_later, "answered tryLater"),
        "missing": (lambda _seen: Reply(status=404), "answered with HTTP status 404"),
        "astray": (lambda _seen: redirect("http://169.254.169.254/"), "169.254.169.254 is an address that is never"),
        "other": (lambda _seen: Reply(fleet.authority.response(fleet.authority.leaf())), "it is about another"),
        "ended": (functools.partial(fleet.respond, begins=-2 * DAY, ends=-DAY), "it ended at"),
        "older": (functools.partial(fleet.respond, begins=-7 * DAY), "it is older than the one that is installed"),
        "unknown": (functools.partial(fleet.respond, status=ocsp.OCSPCertStatus.UNKNOWN), "the certificate is unknown"),
    }

    def answer(seen: Seen) -> Reply:
        leaf = fleet.leaves[ocsp.load_der_ocsp_request(seen.ocsp_request).serial_number]
        return ways[leaf.subject.rfc4514_string()[len("CN=") : -len(".test")]][0](seen)

    fleet.name(host1=list(ways))
    with responder(functools.partial(fleet.respond, begins=-6 * DAY, ends=DAY)) as running:
        fleet.certify(running.url, *(f"host1/{way}" for way in ways))
        assert fleet.refresh().status == 0
    before = {way: fleet.staple("host1", way) for way in ways}
    assert None not in before.values()
    with responder(answer) as running:
        run = fleet.refresh(ocsp_staple_responder_url=running.url)
        assert run.status == 0, run.output
    told = dict(re.findall(r"(\w+) on host1 got no new staple: (.+?)\. The one that it has stays", run.text))
    assert [way for way, (_answer, reason) in ways.items() if reason not in told.get(way, "")] == [], told
    assert {way: fleet.staple("host1", way) for way in ways} == before
    assert fleet.measured(FAILURES) == {f"host1/staples/{way}": 1 for way in ways}


def test_a_host_that_cannot_be_reached_has_failed(fleet: Fleet, there: Responder) -> None:
    assert fleet.refresh().status == 0
    for count in (1, 2):
        assert fleet.refresh(**away("host1")).status == 4
        assert fleet.measured(FAILURES) == {"host1/staples/shop": count, "host2/staples/shop": 0}
    assert fleet.refresh().status == 0
    assert fleet.measured(FAILURES) == {"host1/staples/shop": 0, "host2/staples/shop": 0}


def test_certificates_that_cannot_be_resolved_fail_their_host(fleet: Fleet, there: Responder) -> None:
    assert fleet.refresh().status == 0
    hosts = json.loads((fleet.folder / "more.json").read_text())
    hosts["all"]["hosts"]["host1"]["ocsp_staple_certificates"] = "{{ no_such_variable }}"
    (fleet.folder / "more.json").write_text(json.dumps(hosts))
    run = fleet.refresh()
    assert run.status == 2, run.output
    assert "no_such_variable" in run.text
    assert fleet.measured(FAILED) == {"host1/staples/shop": 1, "host2/staples/shop": 0}


def test_a_certificate_that_was_revoked_fails_its_host_and_no_other_certificate(fleet: Fleet, there: Responder) -> None:
    fleet.name(host1=["shop", "mail"])
    fleet.certify(there.url, "host1/mail")
    assert fleet.refresh().status == 0
    fleet.certify(there.url, "host1/shop")
    fleet.replies = [functools.partial(fleet.respond, status=ocsp.OCSPCertStatus.REVOKED)]
    run = fleet.refresh()
    assert run.status == 2
    assert "shop.pem): the certificate was revoked at 20" in run.text
    assert fleet.staple("host1") is None
    assert fleet.staple("host1", "mail")
    assert fleet.measured(FAILED) == {"host1/staples/shop": 1, "host1/staples/mail": 0}


def test_own_leaves_and_those_of_others_are_renewed_in_one_run_and_neither_needs_the_other(
    fleet: Fleet, there: Responder
) -> None:
    make_authority(fleet.folder / "authority")
    fleet.variables["leaf_certificate_certificates"] = [{"name": "site", "names": ["site.test"]}]
    issued = fleet.run("anchorage.pki.issue", "--limit=host1")
    assert issued.status == 0, issued.output
    make_due(fleet.folder / "authority", "host1")
    failed = fleet.refresh(leaf_certificate_owner="no-such-user")
    assert failed.status == 2
    assert fleet.staple("host1")
    assert fleet.measured(FAILED) == {"host1/pki/site": 1, "host1/staples/shop": 0, "host2/staples/shop": 0}
    done = fleet.refresh()
    assert (done.status, (fleet.folder / "host1/pki/site/current").readlink().name) == (0, "v2"), done.output
    assert fleet.measured(FAILED) == {"host1/pki/site": 0, "host1/staples/shop": 0, "host2/staples/shop": 0}


def test_leaves_without_their_authority_are_a_failure_nevertheless(fleet: Fleet, there: Responder) -> None:
    run = fleet.refresh(leaf_certificate_certificates=[{"name": "site", "names": ["site.test"]}])
    assert (run.status, there.connections) == (2, 0)
    assert f"There is no authority in {fleet.folder}/authority." in run.text


def test_a_limit_that_leaves_out_localhost_is_a_failure(fleet: Fleet, there: Responder) -> None:
    run = fleet.refresh("--limit=host1")
    assert (run.status, there.connections) == (2, 0)
    assert "name localhost too, as in --limit host1,localhost" in run.text


def test_uninstalling_removes_what_is_named_and_what_is_not(fleet: Fleet, there: Responder) -> None:
    fleet.name(host1=["shop", "former"])
    fleet.certify(there.url, "host1/former")
    assert fleet.refresh().status == 0
    certificate = (fleet.folder / "host1/tls/shop.pem").read_bytes()
    fleet.name(host1=["shop", "never"])
    checked = fleet.uninstall("--check")
    assert (checked.status, checked.output.count("changed: [host1] => (item=")) == (0, 2), checked.output
    assert fleet.staple("host1", "former")
    done = fleet.uninstall()
    assert (done.status, done.output.count("changed: [host1] => (item=")) == (0, 2), done.output
    assert not (fleet.folder / "host1/staples").exists()
    assert (fleet.folder / "host1/tls/shop.pem").read_bytes() == certificate
    again = fleet.uninstall()
    assert (again.status, again.output.count("changed=0 ")) == (0, 3), again.output


@pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/etc/debian_version"), reason="looks at this machine: needs root on Debian"
)
def test_the_doctor_has_a_table_of_them(fleet: Fleet, there: Responder) -> None:
    fleet.name(host1=["shop", "mail"], host2=["shop"])
    fleet.certify(there.url, "host1/mail")
    assert fleet.refresh("--limit=host1,localhost").status == 0
    fleet.certify(there.url, "host1/mail")
    fleet.replies = [try_later]
    assert fleet.refresh("--limit=host1,localhost").status == 0
    asked = there.connections
    fleet.name(host1=["mail"], host2=["shop"])
    found = fleet.run("anchorage.pki.doctor", **away("host3"))
    assert (found.status, there.connections) == (0, asked), found.output
    for line in (
        rf"^host1 +mail +failing +1 +20\S+Z +see why its responder gives no staple: {there.place} answered tryLater$",
        rf"^host1 +{fleet.folder}/host1/staples/shop +left over +unless another play keeps it, remove it by",
        r"^host2 +shop +missing +run the playbook anchorage\.pki\.refresh_staples: nothing is deployed yet$",
        r"^host3 +unreachable +",
        r"^3 hosts, staples of other authorities: 1 failing, 1 left over, 1 missing\. Run the playbook",
    ):
        assert re.search(line, found.output, re.MULTILINE), (line, found.output)
