# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that has its own controller trust a root and goes on with it, over a copy of this machine's trust store.

The copy is mounted in the place of the real store for the run alone (a mount namespace): nothing outside changes.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.copied_stores import MountingController, can_copy_stores
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of

pytestmark = pytest.mark.skipif(
    not can_copy_stores(), reason="needs root, mount namespaces and Debian's package ca-certificates"
)


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    (tmp_path / "root.pem").write_bytes(pem_of(make_root("Corporate root")))
    return MountingController(tmp_path)


def test_a_refresh_after_trust_anchor_sees_the_new_root(controller: Controller) -> None:
    count = "query('anchorage.pki.native_roots', select=select) | length"
    run = controller.play(
        f"""
    - debug: msg="first {{{{ {count} }}}}"
    - anchorage.pki.trust_anchor: src={controller.folder}/root.pem
      register: trusted
    - debug: msg="still {{{{ {count} }}}}"
    - set_fact: refreshed="{{{{ query('anchorage.pki.native_roots', refresh=true, view='pem') }}}}"
      when: trusted is changed
    - debug: msg="then {{{{ {count} }}}}"
""",
        header="  vars: {select: \"[?subject=='CN=Corporate root']\"}\n",
    )
    assert run.status == 0, run.output + run.errors
    assert re.findall(r'"msg": "(.*)"', run.output) == ["first 0", "still 0", "then 1"]
