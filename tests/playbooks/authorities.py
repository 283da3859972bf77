# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authorities for whole playbooks, made and aged without one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning


def make_authority(folder: Path, made: datetime | None = None) -> None:
    """Make an authority, now or as if at another time."""
    now = made or datetime.now(timezone.utc)
    folder.mkdir(mode=0o700)
    carry_out(plan_provisioning(folder, {}, "Test authority", now), Passphrases(), now)


def make_due(folder: Path, *hosts: str) -> None:
    """Make the staples due that hosts have, by the authority's ledger."""
    with closing(sqlite3.connect(folder / "ledger.sqlite3", isolation_level=None)) as connection:
        for host in hosts:
            connection.execute(
                "UPDATE staples SET renew_at = this_update WHERE in_use AND certificate_sha256 IN "
                "(SELECT sha256 FROM certificates WHERE host = ?)",
                (host,),
            )
