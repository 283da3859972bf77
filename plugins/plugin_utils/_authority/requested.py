# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An issuing authority whose certificate another authority signs: its key and request, and what came of it."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Answer
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    CERTIFICATE,
    INTERMEDIATES,
    to_pem,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import KEY, REQUEST
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import Part, Step
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import serialization, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    create_complete_folder,
    replace_private,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificate_requests import make_request
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import encode_key, generate_key


def build_request(folder: Path, policy: Policy, number: int, passphrase: str | None) -> None:
    """Make the key of an issuing authority in the authority's ``folder``, and the request for its certificate."""
    key = generate_key(policy.key_type)
    request = make_request(key, policy.subject, number, policy.constraints)
    files = {REQUEST: request.public_bytes(serialization.Encoding.PEM), KEY: encode_key(key, passphrase)}
    create_complete_folder(folder / "issuing" / str(number), files)


def keep_answer(folder: Path, answer: Answer, step: Step) -> None:
    """Put what another authority has signed into the authority's ``folder``: its root, or an issuing certificate beside
    its key. That is complete by its last file."""
    if step.part is Part.ROOT and answer.root is not None:
        create_complete_folder(folder / "root" / str(step.number), {CERTIFICATE: _pem(answer.root)})
    elif answer.certificate is not None:
        issuing = folder / "issuing" / str(step.number)
        replace_private(issuing / INTERMEDIATES, b"".join(map(_pem, answer.intermediates)))
        replace_private(issuing / CERTIFICATE, _pem(answer.certificate))


def _pem(certificate: x509.Certificate) -> bytes:
    return to_pem(certificate).encode()
