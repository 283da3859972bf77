# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server that speaks TLS 1.3 alone shows to a client, as the host's ``openssl s_client`` prints it."""

from __future__ import annotations

import re

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.programs import find_command
from ansible_collections.anchorage.pki.plugins.module_utils._tls.errors import ProbeError, UnseenError
from ansible_collections.anchorage.pki.plugins.module_utils._tls.messages import (
    MalformedError,
    Seen,
    is_host_name,
    seen_in_tls13,
)

_TLS13_CERTIFICATE = re.compile(r"^<<< TLS 1\.3, Handshake \[length \w+\], Certificate\n((?: {4}[0-9a-f ]+\n)+)", re.M)


def ask_openssl(address: str, port: int, server_name: str, seconds: float, openssl: str) -> Seen:
    """Have s_client print the decrypted messages (its option -msg), since TLS 1.3 encrypts them.

    Raises ProbeError, UnseenError.
    """
    name = ["-servername", server_name] if is_host_name(server_name) else ["-noservername"]
    host = f"[{address}]" if ":" in address else address
    program = find_command(openssl)
    if program is None:
        raise UnseenError("the server refuses TLS 1.2, and there is no openssl here that could ask in TLS 1.3")
    command = [program, "s_client", "-connect", f"{host}:{port}", *name, "-status", "-msg"]
    try:
        outcome = run(command, seconds)
    except HostError as error:
        raise ProbeError(f"openssl s_client got no answer: {error}") from error
    match = _TLS13_CERTIFICATE.search(outcome.stdout.decode("utf-8", "replace"))
    if match is None:
        raise UnseenError("the server refuses TLS 1.2, and openssl s_client showed no TLS 1.3 certificate")
    try:
        return seen_in_tls13(bytes.fromhex(match.group(1)))
    except MalformedError as error:
        raise UnseenError(f"openssl s_client printed something unexpected: {error}") from error
