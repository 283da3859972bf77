# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the contract: a JSON object on standard input, one on standard output, in a process that pytest does not share.

Input: ``core_foundation`` and ``security`` (paths), ``folder`` (for the double's state, null for Apple's libraries),
``ders`` and ``leaves`` (certificates in hexadecimal, as State has them), ``patience`` (seconds for each case with
Apple's libraries, which may wait for a person), ``may_pass`` (whether what ends the process
may also pass unnoticed, as with a CoreFoundation of Apple's). Output: ``with`` and ``without``, the outcomes by the
cases' facts: of each case with all rules, and of each while the double does without the rule that the case is about;
none of these for Apple's. An outcome is "passed", "not arranged", "double only", what begins with "refused: ", or what
went wrong.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "build" / "collections")]

from ansible_collections.anchorage.pki.tests.macos_double.bindings import Bindings
from ansible_collections.anchorage.pki.tests.macos_double.contract import (
    ABORTS,
    RETURNS,
    WAITS,
    Case,
    NotArranged,
    Refused,
    State,
)
from ansible_collections.anchorage.pki.tests.macos_double.double import DoubledMac
from ansible_collections.anchorage.pki.tests.macos_double.right_contract import CASES

WAIT = 0.5  # seconds after which a case waits for ever


def main() -> None:
    request = json.load(sys.stdin)
    mac = Bindings(request["core_foundation"], request["security"])
    ders, leaves = ([bytes.fromhex(der) for der in request[name]] for name in ("ders", "leaves"))
    if request["folder"] is None:
        nobody, patience = State(ders, None, leaves), request["patience"]
        outcomes = {each.fact: _in_time(each, mac, nobody, patience) for each in CASES if each.end == RETURNS}
        outcomes.update((each.fact, "double only") for each in CASES if each.end != RETURNS)
        print(json.dumps({"with": outcomes, "without": {}}), flush=True)
        if threading.active_count() > 1:
            os._exit(0)  # and with it a case that waits for a person
        return
    folder = Path(request["folder"])
    state = State(ders, None, leaves)
    outcomes = {case.fact: _in_a_child(case, mac, state, folder, without="") for case in CASES}
    if request["may_pass"]:
        outcomes.update((each.fact, "double only") for each in CASES if each.end == ABORTS)
    without = {case.fact: _in_a_child(case, mac, state, folder, without=case.fact) for case in CASES}
    print(json.dumps({"with": outcomes, "without": without}))


def _in_time(case: Case, mac: Bindings, state: State, patience: float) -> str:
    """The outcome for Apple's libraries, which may wait for somebody to confirm a write."""
    outcomes: list[str] = []
    worker = threading.Thread(target=lambda: outcomes.append(_outcome(case, mac, state)), daemon=True)
    worker.start()
    worker.join(patience)
    return outcomes[0] if outcomes else f"refused: nobody confirmed it within {patience:g} seconds"


def _in_a_child(case: Case, mac: Bindings, state: State, folder: Path, without: str) -> str:
    """The outcome for the double, which may be forked as Apple's libraries may not: a case may end its process."""
    with tempfile.TemporaryFile("w+") as answer, tempfile.TemporaryFile("w+") as errors:
        child = os.fork()
        if child == 0:
            os.dup2(errors.fileno(), 2)
            os.environ["ANCHORAGE_DOUBLE_WITHOUT"] = without
            os.environ["ANCHORAGE_DOUBLE"] = tempfile.mkdtemp(dir=folder)
            double = DoubledMac(Path(os.environ["ANCHORAGE_DOUBLE"]))
            answer.write(_outcome(case, mac, state._replace(double=double)))
            answer.flush()
            os._exit(0)
        if case.end == WAITS:
            time.sleep(WAIT)
            os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        answer.seek(0)
        errors.seek(0)
        outcome, said = answer.read(), errors.read()
    if case.end == WAITS:
        return "passed" if code == -signal.SIGKILL else "the process did not wait"
    if case.end == ABORTS:
        return "passed" if code == -signal.SIGABRT and said else "the process did not end with a message"
    return outcome if code == 0 else f"the process ended with {code}: {said}"


def _outcome(case: Case, mac: Bindings, state: State) -> str:
    counted: Any = mac.security.double_living if state.double else None
    before = counted() if counted else 0
    try:
        case.run(mac, state)
    except NotArranged:
        return "not arranged"
    except Refused as refusal:
        return f"refused: {refusal}"
    except (AssertionError, TypeError, ValueError):
        return traceback.format_exc()
    left = counted() - before if counted else 0
    return f"{left} objects are left" if left else "passed"


if __name__ == "__main__":
    main()
