# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs' file, units and entries: there while a leaf needs them, and gone without a trace with the last one."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import bundle
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import (
    NAME,
    RESPONDER_PLACES,
    WITHDRAWALS,
    Layout,
    entry_name,
    entry_names,
    is_program_installed,
    is_unit_installed,
    read_entry,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation_changes import (
    exclusive_installation,
    install_program,
    install_units,
    remove_entry,
    remove_units,
    remove_unused_program,
    write_entry,
)

UNIT = "anchorage-test.service"
UNITS = {UNIT: "[Service]\nExecStart=/bin/true\n"}
ENTRY = Attributes(0o600)


def test_the_file_stays_while_any_program_has_an_entry(layout: Layout) -> None:
    name = entry_name("/etc/pki/anchorage/site")
    assert install_program(layout)
    assert write_entry(WITHDRAWALS, name, b"{}", ENTRY, layout)
    assert write_entry(RESPONDER_PLACES, name, b"{}", ENTRY, layout)
    assert remove_entry(WITHDRAWALS, name, layout)
    assert not remove_unused_program(layout)
    assert is_program_installed(layout)
    assert remove_entry(RESPONDER_PLACES, name, layout)
    assert remove_unused_program(layout)
    assert not Path(layout.programs).exists()
    assert not Path(layout.settings).exists()


def test_a_second_run_changes_nothing(layout: Layout) -> None:
    for expected in (True, False):
        assert install_program(layout) is expected
        assert write_entry(WITHDRAWALS, "a.json", b"{}", ENTRY, layout) is expected
        assert install_units(UNITS, layout) is expected
    for expected in (True, False):
        assert remove_entry(WITHDRAWALS, "a.json", layout) is expected
        assert remove_units(list(UNITS), layout) is expected
        assert remove_unused_program(layout) is expected


def test_what_was_changed_by_hand_is_seen_and_put_right(layout: Layout) -> None:
    layout = replace(layout, digests={**layout.digests, UNIT: hashlib.sha256(UNITS[UNIT].encode()).hexdigest()})
    install_program(layout)
    install_units(UNITS, layout)
    program, unit = Path(layout.programs, NAME), Path(layout.units, "anchorage-test.service")
    program.chmod(0o644)
    unit.write_text("[Service]\nExecStart=/bin/false\n")
    assert not is_program_installed(layout)
    assert not is_unit_installed(UNIT, layout)
    assert install_program(layout)
    assert install_units(UNITS, layout)
    assert program.stat().st_mode & 0o777 == 0o755
    assert program.read_bytes() == bundle()
    assert is_unit_installed(UNIT, layout)


def test_systemd_is_told_of_units(layout: Layout, private_folder: Path) -> None:
    install_units(UNITS, layout)
    remove_units(list(UNITS), layout)
    calls = (private_folder / "calls").read_text().splitlines()
    assert calls == ["daemon-reload", "disable --now anchorage-test.service", "daemon-reload"]
    assert not list(Path(layout.units).iterdir())


def test_entries_are_read_back(layout: Layout) -> None:
    write_entry(RESPONDER_PLACES, "a.json", b"{}", ENTRY, layout)
    assert entry_names(RESPONDER_PLACES, layout) == ["a.json"]
    assert read_entry(RESPONDER_PLACES, "a.json", layout) == b"{}"
    assert read_entry(RESPONDER_PLACES, "b.json", layout) is None
    assert entry_names(WITHDRAWALS, layout) == []


def test_without_a_folder_of_units_nothing_is_begun(layout: Layout) -> None:
    Path(layout.units).rmdir()
    with pytest.raises(HostError, match="looks for units"), exclusive_installation(layout):
        pytest.fail("the lock was taken")
