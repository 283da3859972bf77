# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the doctor's table of leaves, by its text."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.table import leaf_table

NOW = datetime(2026, 11, 28, tzinfo=timezone.utc)
LONG_UNTIL, SOON = "2027-02-26T09:06:32Z", "2026-12-05T09:06:33Z"


def leaf(name: str, action: str = "none", reason: str = "valid", **more: Any) -> dict[str, Any]:
    known = {"not_after": LONG_UNTIL, "staple": {"this_update": "", "next_update": SOON}, "generation": 3}
    return {"name": name, "action": action, "reason": reason, **known, **more}


def test_the_table_of_a_fleet() -> None:
    results = {
        "web1": {
            "certificates": [leaf("site"), leaf("mail", staple=None)],
            "activation": {"probes": [{"certificate": "site", "staple": "served"}]},
            "others": [{"path": "/etc/pki/anchorage/former", "known": True}, {"path": "/srv/x", "known": False}],
        },
        "web2": {
            "certificates": [
                {"name": "site", "action": "leaf", "reason": "nothing is deployed yet", "generation": 0},
                leaf("due", "staple", "half of it is over", staple={"next_update": "2026-11-30T00:00:00Z"}),
                leaf("pending", "activate", "generation 3 was not activated"),
                leaf("old", "leaf", "it ends", not_after="2026-11-01T00:00:00Z"),
            ],
        },
        "web3": {"failed": True, "msg": "names: \x1b[31mwrong\nagain"},
        "web4": {},
    }
    assert "\n".join(leaf_table(results, NOW).lines) == (
        """\
HOST  LEAF                       STATE        UNTIL                 STAPLE UNTIL          WHAT TO DO
web1  site                       served       2027-02-26T09:06:32Z  2026-12-05T09:06:33Z  nothing
web1  mail                       deployed     2027-02-26T09:06:32Z                        nothing
web1  /etc/pki/anchorage/former  left over                                                unless another play keeps it, remove it by anchorage.pki.leaf_certificate with state: absent, name: former, destination: /etc/pki/anchorage
web1  /srv/x                     unknown                                                  no ledger knows it; unless a server uses it, remove it by anchorage.pki.leaf_certificate with state: absent, name: x, destination: /srv
web2  site                       missing                                                  run the playbook anchorage.pki.issue: nothing is deployed yet
web2  due                        due          2027-02-26T09:06:32Z  2026-11-30T00:00:00Z  run the playbook anchorage.pki.issue: half of it is over
web2  pending                    not served   2027-02-26T09:06:32Z  2026-12-05T09:06:33Z  run the playbook anchorage.pki.issue: generation 3 was not activated
web2  old                        expired      2026-11-01T00:00:00Z  2026-12-05T09:06:33Z  run the playbook anchorage.pki.issue: it ends
web3                             failed                                                   names:  [31mwrong again
web4                             unreachable                                              see why Ansible does not reach it

4 hosts, leaves: 1 served, 1 deployed, 1 left over, 1 unknown, 1 missing, 1 due, 1 not served, 1 expired. Run the playbook anchorage.pki.issue now."""  # noqa: E501 (it is what people see)
    )


def test_where_nothing_is_due_the_first_to_expire_is_named() -> None:
    results = {
        "web1": {"certificates": [leaf("site")]},
        "web2": {"certificates": [leaf("site", not_after=SOON, staple=None)]},
    }
    last = "2 hosts, leaves: 2 deployed. site of web1, or its staple, is the first to expire, at"
    assert leaf_table(results, NOW).lines[-1] == f"{last} {SOON}: run the playbook anchorage.pki.issue before then."


def test_a_fleet_without_leaves() -> None:
    assert leaf_table({"web1": {"certificates": [], "others": []}}).lines == [
        "No host has leaf certificates, and the inventory names none."
    ]
