# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What web servers get of what is published, and what becomes of a run where one of them gets nothing.

The hosts are this machine, each with a folder of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.fleets import NAMED, Fleet, statuses, tree
from ansible_collections.anchorage.pki.tests.playbooks.plays import away
from cryptography import x509
from cryptography.x509 import ocsp

pytestmark = pytest.mark.long

NOT_SERVED = "Published on the controller, and not on all web servers, which go on to serve what they had."
URLS = {
    "certificate_authority_crl_url": "http://pki.test/crl/{issuer}.crl",
    "certificate_authority_ocsp_url": "http://pki.test/ocsp",
    "certificate_authority_issuer_url": "http://pki.test/issuers/{issuer}.cer",
}


def with_web_server(folder: Path) -> Fleet:
    """Hosts the second of which is a web server."""
    made = Fleet(folder)
    made.variables |= {
        "anchorage_publish": f"{folder}/{{{{ inventory_hostname }}}}-public",
        "anchorage_publish_hosts": "host2",
    }
    return made


@pytest.fixture
def empty(private_folder: Path) -> Fleet:
    """Without an authority."""
    return with_web_server(private_folder)


@pytest.fixture
def fleet(folder_with_leaves: Path) -> Fleet:
    return with_web_server(folder_with_leaves)


def urls(leaf: x509.Certificate) -> Iterator[str]:
    for extension in leaf.extensions:
        if isinstance(extension.value, x509.CRLDistributionPoints):
            yield from (name.value for point in extension.value for name in point.full_name or [])
        if isinstance(extension.value, x509.AuthorityInformationAccess):
            yield from (access.access_location.value for access in extension.value)


def test_nothing_is_removed_or_written_through_a_link(fleet: Fleet) -> None:
    """As root, that would be anywhere on the web server."""
    there, precious = fleet.folder / "host2-public", fleet.folder / "precious"
    (precious / "sub").mkdir(parents=True)
    for path in (precious / "data", precious / "sub" / "data"):
        path.write_text("precious")
    kept = tree(precious)
    for path in ("ocsp", "crl", "ocsp/below/it"):
        link = there / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(precious)
        refused = fleet.run("publish")
        assert refused.status == 2, refused.output
        assert f"host2: {link} on host2 is a symbolic link" in refused.text
        assert NOT_SERVED in refused.text
        assert (tree(precious), link.is_symlink()) == (kept, True)
        assert not [one for one in there.rglob("*") if one.is_file() and not one.is_symlink()]
        link.unlink()
    published = fleet.run("publish")
    assert published.status == 0, published.output
    assert tree(there) == tree(fleet.folder / "localhost-public")


def test_a_copy_that_was_cut_off_is_completed_by_the_next_run(fleet: Fleet) -> None:
    """As if the former one was killed between what it removed and what it copies."""
    here, there = fleet.folder / "localhost-public", fleet.folder / "host2-public"
    assert fleet.run("publish").status == 0
    for path in list(tree(there))[::2]:
        (there / path).unlink()
    (there / "ocsp" / "stale").write_text("of a leaf that ended")
    again = fleet.run("publish")
    assert again.status == 0, again.output
    assert tree(there) == tree(here)


def test_a_web_server_that_a_limit_leaves_out_fails_the_run_that_revokes(fleet: Fleet) -> None:
    there, revoked = fleet.folder / "host2-public", fleet.serial("host1")
    assert fleet.run("publish").status == 0
    run = fleet.revoke("--limit=host1,localhost", **NAMED)
    assert run.status == 2, run.output
    assert f"{NOT_SERVED} host2: it was not reached, or this run is limited to other hosts." in run.text
    assert fleet.serial("host1") != revoked
    assert statuses(tree(there)) == [ocsp.OCSPCertStatus.GOOD] * 4
    mended = fleet.run("publish")
    assert mended.status == 0, mended.output
    assert statuses(tree(there)).count(ocsp.OCSPCertStatus.REVOKED) == 2


@pytest.mark.parametrize("hosts", ["webz", ["host2", "webz"]])
def test_a_web_server_that_the_inventory_lacks_is_an_error_before_anything_is_done(
    fleet: Fleet, hosts: str | list[str]
) -> None:
    run = fleet.revoke(**NAMED, anchorage_publish_hosts=hosts)
    assert (run.status, fleet.leaves) == (2, {"deployed": 2}), run.output
    assert "anchorage_publish_hosts=webz fits no host of the inventory" in run.text


def test_no_leaf_names_urls_while_no_web_server_has_what_they_lead_to(empty: Fleet) -> None:
    empty.variables |= URLS
    parts = "--tags=authority,issue,publish"
    first = empty.run("site", parts, **away("host2"))
    assert first.status != 0, first.output
    assert "While none of them is served, new leaves name no URLs: host2: it was not reached" in first.text
    assert list(urls(empty.leaf("host1"))) == []
    assert not (empty.folder / "host2-public").exists()

    # Without what is published in the end: the leaf comes after the first copy.
    second = empty.run("site", "--tags=authority,issue")
    assert second.status == 0, second.output
    named = [url.removeprefix("http://pki.test/") for url in urls(empty.leaf("host2"))]
    assert len(named) == 3
    assert {name for name in named if name != "ocsp"} <= set(tree(empty.folder / "host2-public"))
    again = empty.run("site", parts)
    assert again.status == 0, again.output


def test_the_report_of_a_run_tells_of_a_web_server_that_was_not_served(fleet: Fleet) -> None:
    link, report = fleet.folder / "host2-public" / "issuers", fleet.folder / "report.json"
    link.parent.mkdir()
    link.symlink_to(fleet.folder)
    run = fleet.run("site", "--tags=authority,issue,publish", anchorage_report_file=str(report))
    assert run.status == 2, run.output
    assert NOT_SERVED in run.text
    told = json.loads(report.read_text())
    assert told["complete"]
    assert {host: one["outcome"] for host, one in told["hosts"].items()} == {"host1": "unchanged", "host2": "failed"}


def test_where_leaves_of_a_new_issuer_are_due_web_servers_have_its_list_before(empty: Fleet) -> None:
    empty.variables |= URLS
    assert empty.run("site", "--tags=authority,issue,publish").status == 0
    path = str(empty.authority / "issuing" / "1" / "certificate.pem")
    run = empty.revoke(anchorage_revoke_certificate=path, **away("host2"))
    assert run.status != 0, run.output
    assert list(urls(empty.leaf("host1"))) == []
    assert empty.leaf("host1").issuer != empty.leaf("host2").issuer
