# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A script that becomes a program in Python as often as it is asked to, by a fork: see :mod:`ansible_playbook`.

It has imported what ansible-playbook imports and what depends on neither the environment nor a configuration, which
takes half of the time until a play begins. All else the program does itself, with the arguments, the environment, the
folder and the files that it is given. It ends by itself, too: what asked hears of its exit status.
"""

from __future__ import annotations

# ruff: noqa: F401
# pylint: disable=unused-import
import cmd
import concurrent.futures
import configparser
import getpass
import json
import multiprocessing.queues
import os
import pprint
import pty
import runpy
import secrets
import signal
import socket
import sqlite3
import sys
import tarfile
import tomllib
import urllib.request
import xml.dom.minidom

import ansible.module_utils.basic
import ansible.module_utils.common.yaml
import cryptography.x509
import jinja2.ext
import jinja2.nativetypes
import packaging.version
from cryptography.hazmat.primitives.serialization import pkcs12

LIMIT = 120  # seconds, of a run


def await_request(requests: socket.socket) -> tuple[bytes, list[int]]:
    """Return in a new process for each request. The process between them reports how that one ended."""
    while True:
        request, descriptors, _flags, _address = socket.recv_fds(requests, 1024 * 1024, 4)
        if not request:  # the tests are over
            sys.exit()
        keeper = os.fork()
        if keeper == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            report = descriptors.pop()
            program = os.fork()
            if program == 0:
                os.close(report)
                return request, descriptors
            os.write(report, str(os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])).encode())
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def become(program: list[str], environment: dict[str, str], folder: str, descriptors: list[int]) -> None:
    """Have everything as it is when Python starts a script, and run that."""
    signal.alarm(LIMIT)
    for standard, descriptor in enumerate(descriptors):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv, sys.orig_argv = program, [sys.executable, *program]
    folders = environment["PYTHONPATH"].split(os.pathsep)
    sys.path[:1] = [os.path.dirname(program[0]), *folders]
    replaced = {name.partition(".")[0] for folder in folders for name in os.listdir(folder)}
    for module in [module for module in sys.modules if module.partition(".")[0] in replaced]:
        del sys.modules[module]
    import sitecustomize  # as Python does; the system may have one, too

    runpy.run_path(program[0], run_name="__main__")


if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that report
    request, descriptors = await_request(socket.socket(fileno=int(sys.argv[1])))
    become(**json.loads(request), descriptors=descriptors)
