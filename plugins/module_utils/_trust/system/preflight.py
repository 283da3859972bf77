# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of a system store tried in a scratch folder: what check mode says is what the platform's own programs do.

Debian's update-ca-certificates and FreeBSD's certctl can be made to work elsewhere. Where p11-kit is the engine, it
extracts from a copy of the sources, by a configuration which it reads for every user but root: pkcs11.conf(5).
"""

from __future__ import annotations

import os
import pwd
import tempfile
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account
from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import call_as
from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple, replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust.certificates import holds
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.openssl import hash_links
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.layouts import (
    BY_DESTINATION,
    BY_OPTIONS,
    BY_P11_KIT,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import Platform
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.sources import sources

# The system's own programs first: these commands were written for them, and start hundreds of them by name.
REFRESH_PATH = "/usr/bin:/usr/sbin:/bin:/sbin:/usr/local/bin:/usr/local/sbin"
_LIMIT = 60.0
_NOBODY = "nobody"
_P11_KIT_MODULE = """module: p11-kit-trust.so
trust-policy: yes
x-trust-lookup: pkcs11:library-description=PKCS%2311%20Kit%20Trust%20Module
x-init-reserved: paths='{sources}:{packaged}'
"""


class Trial(NamedTuple):
    """Whether the anchor was trusted in the scratch folder, and how that was found out."""

    trusted: bool
    sentence: str


def preflight(platform: Platform, anchor: Anchor, operation: str) -> Trial | None:
    """Try ``operation`` (install or remove) in a scratch folder; None where the platform has no means to do that.
    Raises HostError where the platform's command fails there."""
    method = {BY_OPTIONS: _by_options, BY_P11_KIT: _by_p11_kit, BY_DESTINATION: _by_destination}.get(
        platform.layout.preflight
    )
    if method is None or not platform.has_command:
        return None
    with tempfile.TemporaryDirectory(prefix="anchorage-") as folder:
        return method(platform, anchor, operation, folder)


def _by_options(platform: Platform, anchor: Anchor, operation: str, folder: str) -> Trial | None:
    scratch = _scratch(platform, folder)
    own, made, hooks = scratch.path(platform.layout.anchors), scratch.path(platform.layout.links), f"{folder}/hooks"
    _stage(platform, scratch, [platform.layout.anchors], anchor, operation)
    for path in (own, made, hooks):
        os.makedirs(path, exist_ok=True)
    _try([platform.command, "--localcertsdir", own, "--etccertsdir", made, "--hooksdir", hooks])
    if not os.path.exists(scratch.bundles[0]):
        return None  # an old release that has no such options, or a host without any anchor
    return _judge(scratch, anchor, operation)


def _by_p11_kit(platform: Platform, anchor: Anchor, operation: str, folder: str) -> Trial | None:
    trust = platform.settings.command("trust")
    try:
        nobody = pwd.getpwnam(_NOBODY)
    except KeyError:
        return None
    if not trust:
        return None
    scratch = _scratch(platform, folder)
    (top,) = platform.layout.further_sources
    _stage(platform, scratch, [top], anchor, operation)
    modules = Path(folder, "configuration/pkcs11/modules")
    modules.mkdir(parents=True)
    (modules.parent / "pkcs11.conf").write_text("user-config: only\n", encoding="utf-8")
    module = _P11_KIT_MODULE.format(sources=scratch.path(top), packaged=platform.path(platform.layout.packaged))
    (modules / "scratch.module").write_text(module, encoding="utf-8")
    made = Path(folder, "made")
    made.mkdir()
    _open_up(folder)
    if os.geteuid() == 0:
        os.chown(made, nobody.pw_uid, nobody.pw_gid)
    account = Account(_NOBODY, nobody.pw_uid, nobody.pw_gid, folder)
    bundle = str(made / "bundle.pem")
    if call_as(account, _extract, trust, bundle, f"{folder}/configuration") != 0:
        return None
    return _verdict(holds(read_regular(bundle) or b"", anchor.der), "trust extract")


def _extract(trust: str, bundle: str, configuration: str) -> int:
    command = [trust, "extract", "--format=pem-bundle", "--filter=ca-anchors", "--purpose=server-auth", bundle]
    return run(command, _LIMIT, environment={"XDG_CONFIG_HOME": configuration}).status


def _by_destination(platform: Platform, anchor: Anchor, operation: str, folder: str) -> Trial | None:
    scratch = _scratch(platform, folder)
    layout = platform.layout
    _stage(
        platform,
        scratch,
        [layout.packaged, layout.anchors, *layout.further_sources, *layout.blocklists, layout.links],
        anchor,
        operation,
    )
    if operation != "install":
        for link in hash_links(scratch.links, anchor.der) if scratch.links else ():
            os.unlink(link)
    _try([platform.command, "-D", folder, *layout.command[1:]])
    return _judge(scratch, anchor, operation)


def _scratch(platform: Platform, folder: str) -> Platform:
    """The platform, below a scratch folder."""
    return replace(platform, settings=replace(platform.settings, root=folder))


def _stage(platform: Platform, scratch: Platform, folders: list[str], anchor: Anchor, operation: str) -> None:
    """Copy these folders of the host into the scratch one, and make the change there."""
    for folder in folders:
        if os.path.isdir(platform.path(folder)):
            _copy(Path(platform.path(folder)), Path(scratch.path(folder)))
    for source in sources(scratch):
        if operation != "install" and source.is_copy_of(anchor):
            os.unlink(source.name, dir_fd=source.folder)
    own = Path(scratch.own_file(anchor))
    if operation == "install":
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(anchor.pem, encoding="ascii")
    else:
        own.unlink(missing_ok=True)


def _copy(top: Path, copy: Path) -> None:
    """The regular files below a folder, with links resolved, that of the folder too. Files with a private key are left
    out."""
    real = top.resolve()
    for path, _folders, names, folder in os.fwalk(real):
        target = copy / Path(path).relative_to(real)
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            content = read_regular(name, folder)
            if content is not None and b"PRIVATE KEY-----" not in content:
                (target / name).write_bytes(content)


def _open_up(top: str) -> None:
    """Let every user read what is below a folder."""
    for path, _folders, names in os.walk(top):
        os.chmod(path, 0o755)  # noqa: S103 (all of it is public)
        for name in names:
            os.chmod(os.path.join(path, name), 0o644)


def _try(command: list[str]) -> None:
    """Run what refreshes a scratch folder. Raises HostError where it fails, as it would on the host."""
    outcome = run(command, _LIMIT, environment={"PATH": REFRESH_PATH})
    if outcome.status:
        raise HostError(
            f"{command[0]}, tried in a scratch folder, failed: {outcome.last_line.rstrip('.')}. Nothing was changed; "
            "have it work first."
        )


def _judge(scratch: Platform, anchor: Anchor, operation: str) -> Trial:
    """After an installation every kind of reader has to trust the anchor, after a removal none."""
    held = [holds(read_regular(bundle) or b"", anchor.der) for bundle in scratch.bundles]
    held += [bool(hash_links(scratch.links, anchor.der))] if scratch.links else []
    return _verdict(all(held) if operation == "install" else any(held), scratch.layout.command[0])


def _verdict(trusted: bool, command: str) -> Trial:
    outcome = "trusts it" if trusted else "leaves it out"
    return Trial(trusted, f"{command}, tried in a scratch folder, {outcome}")
