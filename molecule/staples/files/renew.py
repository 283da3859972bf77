# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What certbot does when it renews a certificate: it writes the next files into the archive, turns the links over, one
after the other, and runs the deploy hooks in the order of their names (certbot(1), renewal hooks)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path("/root/corporate")
SETTINGS = Path("/etc/letsencrypt")
KINDS = ("cert", "chain", "fullchain", "privkey")


def main() -> None:
    """Renew once."""
    archive, live = SETTINGS / "archive" / "corporate", SETTINGS / "live" / "corporate"
    hooks = SETTINGS / "renewal-hooks" / "deploy"
    for folder in (archive, live, hooks):
        folder.mkdir(parents=True, exist_ok=True)
    number = len(list(archive.glob("cert*.pem"))) + 1
    for kind in KINDS:
        shutil.copy(SOURCE / str(number) / f"{kind}.pem", archive / f"{kind}{number}.pem")
    for kind in KINDS:
        link = live / f"{kind}.pem"
        link.unlink(missing_ok=True)
        link.symlink_to(f"../../archive/corporate/{kind}{number}.pem")
    for hook in sorted(hooks.iterdir()):
        subprocess.run([hook], env={**os.environ, "RENEWED_LINEAGE": str(live)}, check=True)


if __name__ == "__main__":
    main()
