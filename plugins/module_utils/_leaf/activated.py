# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What servers were last made to use of a leaf: remembered on the host, since what is deployed need not be served.

There is an entry for each way of activation, as several servers may use one leaf. Of the command, which may hold what
nobody else is to see, only a digest is kept. The record is written before anything names the new generation, and
renamed into its place once the activation has succeeded: then there is nothing left that a full disk could refuse.
"""

from __future__ import annotations

import hashlib
import json

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import read_file
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import Fingerprints
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation

RECORD = ".activated.json"

#: The number of the generation, and what it shows to clients, by the way of activation.
Record = dict[str, tuple[int, Fingerprints]]


def way_of(server: str, activation: Activation) -> str:
    """What identifies an activation: the kind of server that the pointer file is for, and the command to reload it."""
    return hashlib.sha256(json.dumps([server, activation.reload]).encode()).hexdigest()


def read_record(folder: int) -> Record:
    """What servers were last made to use; nothing where the record is missing, damaged or closed to this user."""
    try:
        entries = json.loads(read_file(folder, RECORD) or b"{}")
        return {str(way): (int(number), Fingerprints(*map(str, shown))) for way, (number, shown) in entries.items()}
    except (HostError, OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def pending(record: Record, server: str, activation: Activation, generation: int, shown: Fingerprints) -> str:
    """Why a server still has to be made to use the deployed ``generation``, "" where it was."""
    activated = record.get(way_of(server, activation))
    if activated is None and record:
        return f"generation {generation} was not activated by this task's command"
    if activated is None:
        return f"generation {generation} was not activated"
    number, shown_then = activated
    return "" if shown_then == shown else f"generation {generation} was not activated, but generation {number}"
