# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""execution-environment.yml asks for what the collection asks for. The scenario awx runs jobs with what it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_it_asks_for_what_the_collection_needs_and_sets_no_upper_bound() -> None:
    environment = load("execution-environment.yml")
    assert environment["version"] == 3
    asked = environment["dependencies"]
    packages = [asked["ansible_core"]["package_pip"], *asked["python"]]
    needed = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    required = [line for line in needed if line and not line.startswith("#")]
    # And what a ledger needs that the nodes of AWX share.
    assert sorted(packages) == sorted([*required, "psycopg[binary]>=3.1"])
    [collection] = asked["galaxy"]["collections"]
    galaxy = load("galaxy.yml")
    assert collection == {"name": "anchorage.pki", "version": f">={galaxy['version']}"}
    for bound in (*packages, asked["ansible_runner"]["package_pip"], collection["version"]):
        assert not set(bound) & set("<~!,")
        assert "==" not in bound
