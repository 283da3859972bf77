# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handshakes with what a host has deployed: by clients of OpenSSL and of GnuTLS that trust certain roots alone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from interoperability.programs import run, serve

#: What ``programs.serve`` reads, by the names that a generation has for it.
FILES = {"cert.pem": "leaf.pem", "chain.pem": "issuers.pem", "privkey.pem": "key.pem"}


def accepting(leaf: Path, name: str, trusted: Mapping[str, Sequence[Path]]) -> list[str]:
    """Who accepts the leaf in this folder of a host under ``name``: of clients with these files of roots, by what they
    are called, and of both libraries alike."""
    accepted = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for deployed, served in FILES.items():
            shutil.copyfile(leaf / "current" / deployed, folder / served)
        with serve(folder) as port:
            for client, roots in trusted.items():
                anchors = folder / "roots.pem"
                anchors.write_text("".join(root.read_text() for root in roots))
                verdicts = [ask(anchors, port, name) for ask in (_openssl, _gnutls)]
                assert len(set(verdicts)) == 1, (client, verdicts)
                accepted += [client] if verdicts[0] else []
    return accepted


def _openssl(roots: Path, port: int, name: str) -> bool:
    trust = ("-no-CApath", "-no-CAstore", "-CAfile", roots, "-x509_strict", "-verify_return_error")
    names = ("-servername", name, "-verify_hostname", name)
    finished = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *trust, *names)
    accepts = finished.returncode == 0
    assert accepts or "verify error" in finished.stdout, finished.stdout
    return accepts


def _gnutls(roots: Path, port: int, name: str) -> bool:
    names = (f"--sni-hostname={name}", f"--verify-hostname={name}")
    finished = run("gnutls-cli", f"--x509cafile={roots}", *names, f"--port={port}", "127.0.0.1")
    accepts = finished.returncode == 0
    assert accepts or "NOT trusted" in finished.stdout, finished.stdout
    return accepts
