# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in a scratch folder whose systemd is a script, for tests of the withdrawal of staples."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.inspection import inspect_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, DeployedLeaf, Inquiry
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Delivery, Deployment, Removal
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.removal import remove_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._programs.digests import digests
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdraw import withdraw_staples
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.drift import Withdrawal, with_drift
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.setup import set_up, take_down
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.standing import (
    MARGIN,
    withdrawable_staple,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.units import armed_for
from ansible_collections.anchorage.pki.plugins.module_utils._x509.staple import read_staple
from ansible_collections.anchorage.pki.tests.unit.leaves import NO_SERVER, destination_at

# Notes how it was called; says of units what the file of their name says, and enables them as the real one does.
SYSTEMCTL = """\
#!/bin/sh
echo "$*" >> {root}/calls
for last; do :; done
case "$1" in
  show) state=inactive; test ! -e {root}/states/"$last" || read -r state < {root}/states/"$last"; echo "$state" ;;
  enable) mkdir -p {root}/units/timers.target.wants; ln -sf ../"$2" {root}/units/timers.target.wants/ ;;
  disable) rm -rf {root}/units/timers.target.wants ;;
esac
test ! -e {root}/broken
"""


@dataclass
class SystemdHost:
    """A host below ``root``, with leaves in ``pki`` for a server of that kind."""

    root: Path
    server: str = "nginx"
    activation: Activation = NO_SERVER
    wanted: bool = True

    def __post_init__(self) -> None:
        for folder in ("units", "running", "bin", "states", "stamps"):
            (self.root / folder).mkdir(exist_ok=True)
        program = self.root / "bin" / "systemctl"
        program.write_text(SYSTEMCTL.format(root=self.root))
        program.chmod(0o755)

    @functools.cached_property
    def layout(self) -> Layout:
        layout = Layout(
            settings=f"{self.root}/etc/anchorage",
            programs=f"{self.root}/lib/anchorage",
            units=f"{self.root}/units",
            running=f"{self.root}/running",
            stamps=f"{self.root}/stamps",
            search_path=f"{self.root}/bin:/usr/sbin:/usr/bin:/bin",
        )
        return replace(layout, digests=digests(layout))

    @property
    def destination(self) -> Destination:
        return destination_at(self.root / "pki", self.server, lock_timeout=0)

    @property
    def withdrawal(self) -> Withdrawal:
        return Withdrawal(self.destination, self.activation, self.wanted, self.layout)

    def deploy(self, *deliveries: Delivery) -> Deployment:
        """What the module does for deliveries."""
        return set_up(deploy(self.destination, deliveries, self.activation), deliveries, self.withdrawal)

    def inspect(self, name: str = "app") -> tuple[DeployedLeaf, str]:
        """What the module says of a leaf, and of the withdrawal here."""
        inspection = inspect_leaves(self.destination, [Inquiry(name)], self.activation)
        seen = with_drift(inspection, [self.inquiry(name, inspection.certificates[0].leaf_sha256)], self.withdrawal)
        return seen.certificates[0], seen.withdrawal

    def inquiry(self, name: str, keep: str) -> Inquiry:
        """What a controller asks about a leaf, whose ledger knows the staple that is deployed."""
        with opened_folder(self.destination.folder(name)) as folder:
            assert folder is not None
            _number, _certificate, staple = withdrawable_staple(folder, staples_only=False)
        return Inquiry(name, keep=keep, withdraw_at=read_staple(staple).end - MARGIN if staple else 0)

    def drift(self, name: str = "app") -> tuple[str, ...]:
        return self.inspect(name)[0].drift

    def remove(self, *names: str, check_mode: bool = False) -> Removal:
        """What the module does to remove leaves."""
        removal = remove_leaves(self.destination, names, check_mode)
        return take_down(removal, self.destination.path, check_mode, self.layout)

    def withdraw(self, now: float) -> int:
        """What the program does at that time."""
        return withdraw_staples(lambda: now, self.layout)

    @property
    def armed(self) -> int | None:
        return armed_for(self.layout)

    def calls(self) -> list[str]:
        """How systemctl was called since the last look."""
        file = self.root / "calls"
        found = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return found

    def set_state(self, unit: str, state: str) -> None:
        (self.root / "states" / unit).write_text(f"{state}\n")

    def traces(self) -> list[str]:
        """Everything on the host but the leaves, systemd and the notes of both."""
        ours = ("units/", "etc", "lib", "stamps/")
        paths = (str(path.relative_to(self.root)) for path in sorted(self.root.rglob("*")))
        return [path for path in paths if path.startswith(ours)]


def notes(root: Path, word: str, status: int = 0) -> tuple[str, ...]:
    """A command that adds a word to the host's notes, and ends with that status."""
    return ("sh", "-c", f"echo {word} >> {root}/notes; exit {status}")


def noted(root: Path) -> Sequence[str]:
    """The words since the last look."""
    file = root / "notes"
    found = file.read_text().split() if file.exists() else []
    file.unlink(missing_ok=True)
    return found


def linked(folder: Path, name: str = "current") -> str:
    return os.readlink(folder / name)


def restore(root: Path, entries: dict[str, object]) -> None:
    """Put a scratch folder back as :func:`tree` found it."""
    for path in sorted(root.rglob("*"), reverse=True):
        if str(path.relative_to(root)) not in entries and path.name != ".lock":
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    for name, (mode, content) in entries.items():  # type: ignore[misc]
        path = root / name
        if path.is_symlink() or isinstance(content, Path):
            if not (path.is_symlink() and path.readlink() == content):
                path.unlink(missing_ok=True)
                path.symlink_to(content)
        elif content is None:
            path.mkdir(exist_ok=True)
        elif not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
            path.chmod(int(mode, 8) & 0o7777)
