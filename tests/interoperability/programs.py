# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running the programs of others: a command to its end, or a TLS server while a test needs it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import encode_key
from interoperability.pki import Chain
from lab import machine

#: No program takes this long, in seconds: one that does hangs.
LIMIT = 30
ENVIRONMENT = machine.test_environment() | {"LC_ALL": "C", "TZ": "UTC"}


def need(program: str) -> None:
    """Skip the test unless the machine has the program."""
    if not shutil.which(program):
        pytest.skip(f"{program}: install {machine.PROGRAMS[program]}")


def run(*command: str | Path, check: bool = False, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program to its end with ``text`` as its input; what it writes comes back as one text."""
    need(str(command[0]))
    return subprocess.run(
        command,
        env=ENVIRONMENT,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=LIMIT,
        check=check,
    )


def write_chain(chain: Chain, folder: Path) -> Path:
    """Write a chain the ways in which programs read it: whole, the leaf, its issuers, one by one, and the key."""
    certificates = [to_pem(certificate) for certificate in chain.certificates]
    files = {
        "chain.pem": "".join(certificates),
        "leaf.pem": certificates[0],
        "issuers.pem": "".join(certificates[1:]),
        "key.pem": encode_key(chain.key).decode(),
        **{f"{number}.pem": certificate for number, certificate in enumerate(certificates)},
    }
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


@contextmanager
def serve(folder: Path, staple: Path | None = None) -> Iterator[int]:
    """Serve a written chain, and a staple, by ``openssl s_server`` on a local port, which is yielded."""
    need("openssl")
    command = ["openssl", "s_server", "-www", "-accept", "127.0.0.1:0", "-no-CAfile", "-no-CApath", "-no-CAstore"]
    files = {"-cert": "leaf.pem", "-cert_chain": "issuers.pem", "-key": "key.pem"}
    options = [word for option, name in files.items() for word in (option, str(folder / name))]
    if staple:
        options += ["-status_file", str(staple)]
    with subprocess.Popen(
        [*command, *options],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as server:
        try:
            yield port_of(server)
        finally:
            server.kill()


def port_of(server: subprocess.Popen[str]) -> int:
    assert server.stdout
    said = []
    for line in server.stdout:
        said.append(line)
        if accepting := re.search(r"ACCEPT .*:(\d+)", line):
            return int(accepting[1])
    raise AssertionError("".join(said))
