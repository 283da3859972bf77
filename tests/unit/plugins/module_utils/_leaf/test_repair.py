# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repairs of deployed generations: what drifted is fixed, and nothing else is touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    Activation,
)
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    NO_SERVER,
    deploy_leaf,
    destination_at,
    inspected,
    make_leaf,
    repair,
    tree,
)
from ansible_collections.anchorage.pki.tests.unit.selinux_labels import label_of, needs_labels, set_label


def test_a_repair_fixes_what_drifted_and_nothing_else(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    deploy_leaf(destination, make_leaf())
    before = tree(private_folder)
    folder = private_folder / "app"
    (folder / "v1/privkey.pem").chmod(0o644)
    (folder / "v1/combined.pem.ocsp").unlink()
    (folder / "current").unlink()
    (folder / "nginx.conf").write_text("edited")
    assert inspected(destination).drift == (
        f"privkey.pem has mode 0644, user {os.geteuid()}, group {os.getegid()}",
        "combined.pem.ocsp is not a hard link to staple.der",
        "current names nothing, not v1",
        "nginx.conf was changed",
    )
    result = deploy(destination, [repair(1)], NO_SERVER)
    assert result.changed
    assert result.certificates[0].generation == 1
    assert tree(private_folder) == before
    assert inspected(destination).drift == ()


def test_a_repair_of_what_is_undamaged_touches_nothing(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    deploy_leaf(destination, make_leaf())
    times = {path: path.lstat().st_mtime_ns for path in (private_folder / "app").rglob("*")}
    assert not deploy(destination, [repair(1)], NO_SERVER).changed
    assert {path: path.lstat().st_mtime_ns for path in (private_folder / "app").rglob("*")} == times


@needs_labels
def test_types_of_selinux_that_drifted_are_repaired(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    deploy_leaf(destination, make_leaf())
    folder = private_folder / "app"
    files = sorted((folder / "v1").iterdir())
    for path in (folder, folder / "v1", *files):
        set_label(path, "system_u:object_r:cert_t:s0")
    assert inspected(destination).drift == ()
    for path in (folder / "v1", folder / "v1/privkey.pem", folder / "v1/staple.der"):
        set_label(path, "unconfined_u:object_r:user_tmp_t:s0")
    reason = "has the SELinux type user_tmp_t, where a new file gets cert_t"
    assert inspected(destination).drift == (
        f"the folder {reason}",
        f"privkey.pem {reason}",
        f"staple.der {reason}",
        f"combined.pem.ocsp {reason}",  # another name of the same file
    )
    assert deploy(destination, [repair(1)], NO_SERVER).changed
    assert inspected(destination).drift == ()
    assert {label_of(path) for path in files} == {"system_u:object_r:cert_t:s0", "unconfined_u:object_r:cert_t:s0"}
    assert sorted((folder / "v1").iterdir()) == files


def test_a_failed_repair_leaves_the_pointers_as_they_were(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    deploy_leaf(destination, make_leaf())
    (private_folder / "app/nginx.conf").write_text("edited")
    (private_folder / "app/current").unlink()
    before = tree(private_folder)
    with pytest.raises(HostError, match="Rolled back: app is at generation 1 as before"):
        deploy(destination, [repair(1)], Activation(test=("false",)))
    assert tree(private_folder) == before
