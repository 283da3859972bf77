# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option development_proxy: what is refused, and to whom the files belong."""

from __future__ import annotations

import os
import pwd
from datetime import datetime
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import UNCHANGED
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.development_proxy import (
    carry_out_proxy,
    plan_proxy,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proxy_folder import (
    FILES,
    ProxyFolder,
    proxy_folder,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError


def option(folder: str, owner: str | None = None, state: str = "present") -> dict[str, str | None]:
    return {"folder": folder, "owner": owner, "state": state}


def test_the_option_as_a_value() -> None:
    assert proxy_folder(None) is None
    assert proxy_folder(option("/srv//proxy/")) == ProxyFolder(Path("/srv/proxy"), UNCHANGED, True)
    myself = pwd.getpwuid(os.geteuid()).pw_name
    assert proxy_folder(option("/srv/proxy", myself, "absent")) == ProxyFolder(Path("/srv/proxy"), os.geteuid(), False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (option("proxy"), r"^development_proxy: folder: 'proxy' is a relative path"),
        (option("/srv/proxy", "nobody-at-all"), "^development_proxy: owner: there is no user 'nobody-at-all'"),
    ],
)
def test_what_is_refused(given: dict[str, str | None], message: str) -> None:
    with pytest.raises(PkiError, match=message):
        proxy_folder(given)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can give files away")
def test_nobody_but_root_gives_files_away() -> None:
    with pytest.raises(PkiError, match="only root can give files to root"):
        proxy_folder(option("/srv/proxy", "root"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_gives_the_files_to_the_user_of_the_proxy(
    own_authority: Authority, private_folder: Path, now: datetime
) -> None:
    folder = proxy_folder(option(str(private_folder / "proxy"), "nobody"))
    assert folder is not None
    plan = plan_proxy(folder, own_authority, own_authority.policy, now)
    carry_out_proxy(plan, own_authority, Passphrases(), now)
    owner = pwd.getpwnam("nobody").pw_uid
    assert {(folder.path / name).stat().st_uid for name in FILES} == {owner}
    assert plan_proxy(folder, own_authority, own_authority.policy, now).steps == ()
    os.chown(folder.path / FILES[0], 0, 0)
    (step,) = plan_proxy(folder, own_authority, own_authority.policy, now).steps
    assert FILES[0] in step


def test_a_folder_that_cannot_be_written_is_named(
    own_authority: Authority, private_folder: Path, now: datetime
) -> None:
    (private_folder / "file").write_text("")
    folder = ProxyFolder(private_folder / "file" / "proxy", UNCHANGED, True)
    plan = plan_proxy(folder, own_authority, own_authority.policy, now)
    with pytest.raises(PkiError, match=f"^development_proxy: {folder.path} cannot be written: "):
        carry_out_proxy(plan, own_authority, Passphrases(), now)
