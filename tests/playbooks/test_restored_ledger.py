# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbooks do after the authority's folder was restored from a backup that is older than what is published.

The hosts are this machine, each with a folder of its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_due
from ansible_collections.anchorage.pki.tests.playbooks.test_revoke import NAMED, Fleet


def test_no_revoked_leaf_is_stapled_again(folder_with_leaves: Path) -> None:
    fleet = Fleet(folder_with_leaves)
    # The controller's is meant, not that of a web server.
    fleet.variables["anchorage_publish"] = f"{fleet.folder}/{{{{ inventory_hostname }}}}-public"
    done = fleet.run("publish")
    assert done.status == 0, done.output
    backup = shutil.copytree(fleet.authority, fleet.folder / "backup")
    done = fleet.revoke(**NAMED, anchorage_revoke_reissue=False)
    assert (done.status, fleet.is_stapled("host1")) == (0, False), done.output
    shutil.rmtree(fleet.authority)
    shutil.copytree(backup, fleet.authority)
    make_due(fleet.authority, "host1")

    serial = fleet.serial("host1")
    for run in (fleet.run("issue"), fleet.run("issue", "--check"), fleet.run("refresh_staples")):
        assert (run.status == 0, fleet.is_stapled("host1")) == (False, False), run.output
        assert f"says that {serial} (serial numbers) are revoked, and the ledger does not" in run.text
        assert "Revoke them by their serials" in run.text

    done = fleet.revoke(anchorage_revoke_serial=serial, anchorage_revoke_reissue=False)
    assert (done.status, fleet.serial("host1"), fleet.is_stapled("host1")) == (0, serial, False), done.output
    done = fleet.run("issue")
    assert (done.status, fleet.serial("host1"), fleet.is_stapled("host1")) == (0, serial, False), done.output
