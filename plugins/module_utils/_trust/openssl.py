# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What OpenSSL's readers see: links named by a subject's hash (CApath), and the verdict of ``openssl verify``."""

from __future__ import annotations

import os
import re

from ansible_collections.anchorage.pki.plugins.module_utils._host.reader import Reader, finish, start
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


def start_verification(option: str, path: str, pem: str, openssl: str) -> Reader | None:
    """Have ``openssl verify`` say whether it trusts the certificate, with no other anchors than those of ``path``.

    ``option`` is ``-CAfile`` or ``-CApath``. ``openssl`` is the command; None where it is "". See openssl-verify(1).
    """
    if not openssl:
        return None
    # A partial chain may end in the certificate itself. Without that option, OpenSSL stops at the first root of that
    # subject, which is another one where a root was renewed under its name. The host's clock has no say: it is not the
    # store's fault.
    command = [openssl, "verify", "-partial_chain", "-no_check_time", option, path]
    return start(command, pem.encode(), _NO_DEFAULTS)


def refusal(verification: Reader) -> str:
    """Why OpenSSL does not trust the certificate; "" when it does."""
    status, output = finish(verification, VERIFY_LIMIT)
    if status == 0:
        return ""
    reasons = [line for line in output.splitlines() if " depth lookup: " in line]
    return reasons[0].split(" depth lookup: ")[1] if reasons else output.split("\n")[0] or f"exit status {status}"
