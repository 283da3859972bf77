# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server's own commands, for tasks that name none: which of them a host has is known on the host alone."""

from __future__ import annotations

import os

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.task_programs import program_path
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.controls import CONTROLS, Control
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation

# Does nothing where the unit does not run: whoever starts it starts it with what is deployed.
_RELOAD = ("systemctl", "try-reload-or-restart")
# Where systemd looks for the units of programs, see systemd.unit(5); the last is of those with a script in /etc/init.d.
_UNIT_FOLDERS = (
    "etc/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
    "run/systemd/generator.late",
)


def with_commands(server: str, activation: Activation, root: str = "/") -> tuple[Activation, str]:
    """``activation`` with the commands of ``server`` where it asks for those, and "".

    Where this host has none, an activation that does nothing, and the sentence that says why.
    """
    if not activation.server_commands:
        return activation, ""
    found = [control for control in CONTROLS[server] if _is_there(control, root)]
    if reason := _missing(server, bool(found), root):
        return Activation(), reason
    reload = (*_RELOAD, found[0].unit)
    return replace(activation, test=activation.test or found[0].test, reload=reload), ""


def _missing(server: str, found: bool, root: str) -> str:
    advice = "Name the command in activate.reload, or set activate to {} if something else reloads it."
    nothing = f"server is {server}, but nothing makes it load new certificates"
    if os.geteuid() != 0:
        return f"{nothing}, since the task does not run as root. {advice}"
    # See sd_booted(3).
    if not os.path.isdir(os.path.join(root, "run/systemd/system")) or not program_path("systemctl"):
        return f"{nothing}, since systemd does not run on this host. {advice}"
    if found:
        return ""
    sought = " or ".join(
        dict.fromkeys(f"{control.test[0]} with {control.unit}.service" for control in CONTROLS[server])
    )
    return (
        f"server is {server}, which is not on this host yet (there is no {sought}, or its configuration is not in the "
        f"usual place). Until it is, nothing makes it load new certificates. {advice}"
    )


def _is_there(control: Control, root: str) -> bool:
    """Whether the host has the program, the files that its arguments name, and the unit."""
    files = [argument.lstrip("/") for argument in control.test if argument.startswith("/")]
    return (
        program_path(control.test[0]) is not None
        and all(os.path.exists(os.path.join(root, file)) for file in files)
        and any(os.path.lexists(os.path.join(root, folder, f"{control.unit}.service")) for folder in _UNIT_FOLDERS)
    )
