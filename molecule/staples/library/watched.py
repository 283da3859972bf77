# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command while clients make handshakes at a port of this host, and tell what they were shown: how often a staple
of the certificate, how often none, and how often the staple of another certificate."""

from __future__ import annotations

import multiprocessing
import subprocess
import time
from collections import Counter
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.anchorage.pki.plugins.module_utils._tls.errors import ProbeError
from ansible_collections.anchorage.pki.plugins.module_utils._tls.probe import served_staple
from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_fields import find_fields
from ansible_collections.anchorage.pki.plugins.module_utils._x509.staple import read_staple

CLIENTS = 2
TIME_LIMIT = 30  # seconds for a handshake
AROUND = 1  # seconds of handshakes before and after the command


def main() -> None:
    """Run, watch, and tell."""
    module = AnsibleModule(
        {
            "command": {"type": "list", "elements": "str", "required": True},
            "port": {"type": "int", "required": True},
            "name": {"type": "str", "required": True},
        }
    )
    stopped, answers = multiprocessing.Event(), multiprocessing.SimpleQueue()
    place = (module.params["port"], module.params["name"])
    work = (*place, stopped, answers)
    processes = [multiprocessing.Process(target=shake_hands, args=work) for _client in range(CLIENTS)]
    for process in processes:
        process.start()
    time.sleep(AROUND)
    finished = subprocess.run(module.params["command"], capture_output=True, text=True, check=False)
    time.sleep(AROUND)
    stopped.set()
    seen = sum((answers.get() for _process in processes), Counter())
    for process in processes:
        process.join()
    result = {"changed": True, "seen": seen, "rc": finished.returncode, "stderr": finished.stderr}
    if finished.returncode:
        module.fail_json(msg="The command failed.", **result)
    module.exit_json(**result)


def shake_hands(port: int, name: str, stopped: Event, answers: SimpleQueue[Counter[str]]) -> None:
    """One handshake after the other until the end."""
    seen: Counter[str] = Counter()
    while not stopped.is_set():
        try:
            leaf, staple = served_staple("127.0.0.1", port, name, TIME_LIMIT)
        except ProbeError as error:
            seen[f"failed: {error}"] += 1
        else:
            seen[kind_of(leaf, staple)] += 1
    answers.put(seen)


def kind_of(leaf: bytes, staple: bytes) -> str:
    """What a client makes of a certificate and what came with it."""
    if not staple:
        return "unstapled"
    fields = find_fields(leaf)
    # The serial number is the last part of the CertID (RFC 6960, section 4.1.1).
    serial = leaf[fields.serial_number : fields.algorithm]
    return "stapled" if read_staple(staple).certificate_id.endswith(serial) else "mixed"


if __name__ == "__main__":
    main()
