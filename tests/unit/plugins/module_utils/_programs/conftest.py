# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the host's programs share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._programs.digests import digests
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout


@pytest.fixture
def layout(private_folder: Path) -> Layout:
    """A host's folders, and a systemctl that notes how it was called."""
    for folder in ("units", "running", "bin"):
        (private_folder / folder).mkdir()
    systemctl = private_folder / "bin" / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$*" >> {private_folder}/calls\n')
    systemctl.chmod(0o755)
    layout = Layout(
        settings=f"{private_folder}/etc/anchorage",
        programs=f"{private_folder}/lib/anchorage",
        units=f"{private_folder}/units",
        running=f"{private_folder}/running",
        search_path=f"{private_folder}/bin:/usr/bin:/bin",
    )
    return replace(layout, digests=digests(layout))
