# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of Ansible's modules, each in a process of its own, in an interpreter that imports them once for many runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

#: For each line of input, runs the module with those environment variables alone and those arguments, and answers with
#: a line of what it printed. The module would take the argument of the command for a file of its own arguments.
_RUNS = """
import importlib, io, json, os, sys, tempfile

main = importlib.import_module(sys.argv.pop()).main
for line in sys.stdin:
    variables, arguments = json.loads(line)
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        if os.fork() == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            os.environ.clear()
            os.environ.update(variables)
            sys.stdin = io.TextIOWrapper(io.BytesIO(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()))
            sys.exit(main())
        os.wait()
        printed = [output.seek(0) or output.read(), errors.seek(0) or errors.read()]
    print(json.dumps(printed), flush=True)
"""


class Printed(NamedTuple):
    """What a run wrote to its standard output and to its standard error."""

    output: str
    errors: str


class ImportedModule:
    """A module that an interpreter has imported, which takes a tenth of a second."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, arguments: Mapping[str, Any], variables: Mapping[str, str]) -> Printed:
        """Run it with these arguments in an environment of these variables alone."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps([variables, arguments]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, "the module cannot be imported"
        return Printed(*json.loads(answer))


@contextmanager
def imported_module(python: str, name: str, environment: Mapping[str, str]) -> Iterator[ImportedModule]:
    """The module of that full name in an interpreter that is started with these variables."""
    command = [python, "-c", _RUNS, name]
    with subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield ImportedModule(process)
