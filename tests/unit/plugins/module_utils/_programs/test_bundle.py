# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of the host's programs: the same bytes each time, whole, and run by Python alone."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import (
    MODULES,
    PACKAGE,
    bundle,
    interpreter,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.program import MODULE_UTILS, imported_by

IMPORT_ALL = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
print(*sorted(name for name in sys.modules if name.startswith("ansible")), sep="\\n")
"""


def test_the_same_sources_make_the_same_bytes() -> None:
    assert bundle() == bundle()


def test_it_is_the_file_that_the_standard_library_writes() -> None:
    with zipfile.ZipFile(io.BytesIO(bundle())) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    written = io.BytesIO()
    written.write(f"#!{interpreter()} -I\n".encode())
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    assert bundle() == written.getvalue()


def test_it_holds_all_that_its_programs_import_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "staples.pyz"
    file.write_bytes(bundle())
    wanted = [f"{PACKAGE}.{name}" for name in MODULES]
    run = [sys.executable, "-I", "-c", IMPORT_ALL, file, *wanted]
    imported = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
    with zipfile.ZipFile(file) as archive:
        stored = {name for name in archive.namelist() if not name.endswith("__init__.py")} - {"__main__.py"}
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
    assert {name.replace("/", ".")[: -len(".py")] for name in stored} == set(wanted)
    parents = {name.rpartition(".")[0] for name in imported}
    assert set(imported) - parents == set(wanted)


@pytest.mark.parametrize("module", ["leaf_deployment", "staple_deployment"])
def test_whoever_installs_it_has_all_its_sources(module: str) -> None:
    """Ansible sends a module what it imports, and nothing else."""
    text = (MODULE_UTILS.parent / "modules" / f"{module}.py").read_text()
    entries = re.findall(rf"^from {re.escape(PACKAGE)}\.([\w.]+) import", text, re.MULTILINE)
    assert set(MODULES) <= set().union(*map(imported_by, entries))


def test_the_systems_python_is_named_as_it_will_be_after_an_upgrade(tmp_path: Path) -> None:
    system, of_today, other = (tmp_path / name for name in ("python3", "python3.13", "other"))
    of_today.touch()
    other.touch()
    system.symlink_to(of_today)
    assert interpreter(str(of_today), str(system)) == str(system)
    assert interpreter(str(other), str(system)) == str(other)
    assert interpreter(str(other), str(tmp_path / "missing")) == str(other)


def test_it_is_run_as_a_file(tmp_path: Path) -> None:
    file = tmp_path / "staples.pyz"
    file.write_bytes(bundle())
    file.chmod(0o755)
    finished = subprocess.run([file, "unknown"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "No module named" in finished.stderr
    assert "_programs" in finished.stderr
