# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What OpenSSL's readers see: links named by a subject's hash (CApath), and the verdict of ``openssl verify``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.reader import finish, start
from ansible_collections.anchorage.pki.plugins.module_utils._trust.certificates import is_single
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular

VERIFY_LIMIT = 30.0
HASH_LINK = re.compile(r"[0-9a-f]{8}\.\d+")
# OpenSSL adds its default file and folder to those that its options name, unless these lead nowhere.
_NO_DEFAULTS = {"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/dev/null"}


def hash_links(folder: str, der: bytes) -> dict[str, str]:
    """The entries of ``folder`` named like a subject's hash that lead to this very certificate, each with the file at
    its end. Whether the hash is the right one is for OpenSSL to say. See openssl-rehash(1)."""
    if not os.path.isdir(folder):
        return {}
    paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if HASH_LINK.fullmatch(name)]
    return {path: os.path.realpath(path) for path in paths if is_single(read_regular(path) or b"", der)}


def dangling_links(folder: str, stem: str) -> list[str]:
    """The links in ``folder`` to files whose names end in ``stem``, any suffix aside, and that are there no more."""
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        targets = {entry.path: os.readlink(entry.path) for entry in entries if entry.is_symlink()}
    leading = [
        link for link, target in targets.items() if stem in target and os.path.splitext(target)[0].endswith(stem)
    ]
    return [link for link in sorted(leading) if not os.path.exists(link)]


class Verifier:
    """What ``openssl verify`` says of certificates, with no other anchors than those of ``path``: started at once, and
    asked later. ``option`` is ``-CAfile`` or ``-CApath``; ``openssl``, the command. See openssl-verify(1)."""

    def __init__(self, openssl: str, option: str, path: str, pems: Sequence[str]) -> None:
        # A partial chain may end in the certificate itself. Without that option, OpenSSL stops at the first root of
        # that subject, which is another one where a root was renewed under its name. The host's clock has no say: it is
        # not the store's fault.
        self._asked, self._pems = (openssl, option, path), pems
        command = [openssl, "verify", "-partial_chain", "-no_check_time", option, path]
        encoded = [pem.encode() for pem in pems]
        self._reader = start(command, encoded[0], _NO_DEFAULTS, encoded if len(pems) > 1 else ())
        self._answer: tuple[int, str] | None = None

    def refusal(self, pem: str) -> str:
        """Why OpenSSL does not trust this one of the certificates; "" when it does."""
        status, output = self._answer = self._answer or finish(self._reader, VERIFY_LIMIT)
        name = self._reader.arguments[self._pems.index(pem) - len(self._pems)]
        if status == 0 or f"{name}: OK" in output.splitlines():
            return ""
        if len(self._pems) > 1:
            # No two programs name the one that a reason is about in the same way.
            return Verifier(*self._asked, [pem]).refusal(pem)
        reasons = [line for line in output.splitlines() if " depth lookup: " in line]
        return reasons[0].split(" depth lookup: ")[1] if reasons else output.split("\n")[0] or f"exit status {status}"
