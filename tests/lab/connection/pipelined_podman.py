# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reaches a container by one ``podman exec`` a module, where that of containers.podman takes three and a mount."""

from __future__ import annotations

DOCUMENTATION = """
name: pipelined_podman
author: The anchorage.pki contributors (@anchorage)
short_description: Run tasks in a container of podman
description: The laboratory's hosts without ssh. A module is handed over as the input of the command that runs it.
options:
  remote_addr:
    description: The name of the container.
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
  remote_user:
    description: Who runs commands there; without a name, whom the image says.
    keyword:
      - name: remote_user
    vars:
      - name: ansible_user
extends_documentation_fragment:
  - connection_pipelining
"""

import shlex
import subprocess

from ansible.errors import AnsibleError
from ansible.plugins.connection import ConnectionBase


class Connection(ConnectionBase):
    """A connection to one container."""

    transport = "pipelined_podman"
    has_pipelining = True

    def _connect(self) -> Connection:
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a command of a shell, with that input; its exit status and what it wrote to both outputs."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        user = self.get_option("remote_user")
        options = [*(["--interactive"] if in_data else []), *(["--user", user] if user else [])]
        command = ["podman", "exec", *options, self.get_option("remote_addr"), *shlex.split(cmd)]
        ended = subprocess.run(command, input=in_data or b"", capture_output=True, check=False)
        return ended.returncode, ended.stdout, ended.stderr

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file to the container."""
        super().put_file(in_path, out_path)
        with open(in_path, "rb") as file:
            self._succeed(f"cat > {shlex.quote(out_path)}", file.read())

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file from the container."""
        super().fetch_file(in_path, out_path)
        content = self._succeed(f"cat {shlex.quote(in_path)}")
        with open(out_path, "wb") as file:
            file.write(content)

    def _succeed(self, script: str, in_data: bytes | None = None) -> bytes:
        status, output, errors = self.exec_command(shlex.join(["/bin/sh", "-c", script]), in_data)
        if status:
            raise AnsibleError(f"{script}: {errors.decode(errors='replace')}")
        return output

    def close(self) -> None:
        """Nothing is held open."""
