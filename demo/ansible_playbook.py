# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own playbooks, run for the demo. What Ansible says goes to a log; of a failure, it is shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from record import interruption_put_off

CHECKOUT = Path(__file__).resolve().parent.parent
LOG = "ansible.log"


def play(playbook: str, folder: Path, *options: str, password: str | None = None, **variables: object) -> None:
    """Run a playbook to its end, whatever is pressed meanwhile. Raises SystemExit where it fails."""
    demo_variables = {
        "anchorage_hosts": "localhost",
        "anchorage_authority": f"{folder}/authority",
        "dev_machine_destination": f"{folder}/certificates",
        "dev_machine_renewal": False,
        **variables,
    }
    program = Path(sys.executable).with_name("ansible-playbook")
    command: list[str | Path] = [
        program,
        CHECKOUT / "playbooks" / f"{playbook}.yml",
        *options,
        "--extra-vars",
        json.dumps(demo_variables),
    ]
    if password is not None:
        command += ["--become-password-file", "-"]
    log = folder / LOG
    # In a session of its own, where Ctrl-C does not reach it.
    with interruption_put_off(), log.open("ab") as output:
        beginning = output.tell()
        status = subprocess.run(
            command,
            input=f"{password or ''}\n".encode(),
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(folder),
            start_new_session=True,
            check=False,
        ).returncode
    if status:
        said = log.read_bytes()[beginning:].decode(errors="replace")
        raise SystemExit(f"{failing_task(said)}\n\nThat failed. Everything Ansible said: {log}")


def environment(folder: Path) -> dict[str, str]:
    """Ansible works by the demo's settings alone, and leaves its own files in the demo's folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {
        **kept,
        "ANSIBLE_CONFIG": str(CHECKOUT / "demo" / "ansible.cfg"),
        "ANSIBLE_HOME": f"{folder}/ansible",
        "ANSIBLE_REMOTE_TMP": f"{folder}/ansible/tmp",
    }


def failing_task(log: str) -> str:
    """The last task in the output of Ansible, and what came of it; all of the last lines where there was no task."""
    beginning = log.rfind("\nTASK [")
    if beginning < 0:
        return "\n".join(log.strip().splitlines()[-20:])
    return log[beginning:].partition("\nPLAY RECAP")[0].strip()
