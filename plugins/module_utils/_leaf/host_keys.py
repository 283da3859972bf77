# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys that are made on the host and never leave it: only a certificate request travels.

The standard library can make no key, so the host's own ``openssl`` does (openssl-genpkey(1), openssl-req(1)). Keys come
back over its standard output and are written here, so that none is ever in a file of a looser mode than 0600.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.programs import find_command
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import (
    created_folder,
    remove,
    replace_file,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes, read_file
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination, check_names
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination_changes import exclusive_lock
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.errors import translated_errors
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import FULL_CHAIN, PRIVATE_KEY
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import KeyRequest, KeyRequests, WantedKey

# The options of openssl-genpkey(1) for each of the messages' types.
KEY_TYPES: Mapping[str, list[str]] = {
    "ecdsa-p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"],
    "ecdsa-p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-pkeyopt", "ec_param_enc:named_curve"],
    "rsa-3072": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    "rsa-4096": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
    "ed25519": ["-algorithm", "ED25519"],
    "ml-dsa-44": ["-algorithm", "ML-DSA-44"],
    "ml-dsa-65": ["-algorithm", "ML-DSA-65"],
    "ml-dsa-87": ["-algorithm", "ML-DSA-87"],
}
OPENSSL = "openssl"
PENDING_FILES: Mapping[str, str] = {key_type: f"pending-{key_type}.pem" for key_type in KEY_TYPES}
_PENDING_ATTRIBUTES = Attributes(0o600)
_PASSPHRASE_VARIABLE = "ANCHORAGE_PKCS12_PASSPHRASE"  # noqa: S105 the name, not the passphrase
# Making an RSA-4096 key takes long on a small machine.
_OPENSSL_SECONDS = 120
_LONGEST_COMMON_NAME = 64


def request_keys(destination: Destination, wanted: Sequence[WantedKey], openssl: str = OPENSSL) -> KeyRequests:
    """A certificate request for the pending key of each leaf, which is made where there is none yet. Raises HostError.

    What was made stays where another one fails, or the run is stopped: the next run uses it.
    """
    check_names([each.name for each in wanted])
    openssl = openssl_program(openssl)  # before a folder is made in vain
    made, requests = False, []
    with translated_errors(destination.path), created_folder(destination.path) as root:  # noqa: SIM117 Python 3.9
        with exclusive_lock(root, destination.path, destination.lock_timeout):
            for each in wanted:
                with created_folder(destination.folder(each.name)) as folder:
                    made |= _make_pending_key(folder, each.key_type, openssl)
                    requests.append(KeyRequest(each.name, _request(destination, each, openssl)))
    return KeyRequests(made, tuple(requests))


def _make_pending_key(folder: int, key_type: str, openssl: str) -> bool:
    """Have a key pending in a leaf's ``folder``; whether one had to be made. Raises HostError, OSError."""
    file_name = PENDING_FILES[key_type]
    if _is_usable(folder, file_name):
        return False
    remove_pending_key(folder)
    key = _generated(openssl, key_type)
    replace_file(folder, file_name, key, _PENDING_ATTRIBUTES)
    return True


def _generated(openssl: str, key_type: str) -> bytes:
    """A new key. Raises HostError, which says so where the host's OpenSSL may know none of its kind."""
    try:
        return _run_openssl(openssl, ["genpkey", *KEY_TYPES[key_type]])
    except HostError as error:
        if not key_type.startswith("ml-dsa-"):
            raise
        raise HostError(
            f"key_type: this host's openssl makes no {key_type} key, which needs OpenSSL 3.5. Use another key type "
            f"here, or update the host. {error}"
        ) from error


def _request(destination: Destination, wanted: WantedKey, openssl: str) -> str:
    """The certificate request of the pending key, whose subject is the leaf's name as there has to be one.

    Raises HostError.
    """
    path = os.path.join(destination.folder(wanted.name), PENDING_FILES[wanted.key_type])
    subject = f"/CN={wanted.name[:_LONGEST_COMMON_NAME]}"
    return _run_openssl(openssl, ["req", "-new", "-batch", "-subj", subject, "-key", path]).decode("ascii")


def _is_usable(folder: int, file_name: str) -> bool:
    """Whether an interrupted run left this key: complete, since it was renamed into place, and closed to others."""
    try:
        status = os.stat(file_name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return _PENDING_ATTRIBUTES._replace(uid=os.geteuid()).fit(status) and status.st_nlink == 1


def read_pending_key(folder: int) -> str:
    """The pending key of a leaf (PEM), "" where there is none. Raises HostError, OSError."""
    for file_name in PENDING_FILES.values():
        content = read_file(folder, file_name)
        if content is not None:
            return content.decode("ascii")
    return ""


def remove_pending_key(folder: int) -> None:
    """Remove the pending key: it was deployed, or a key of another type takes its place. Raises OSError."""
    for file_name in PENDING_FILES.values():
        remove(folder, file_name)


def build_pkcs12(generation: str, name: str, passphrase: str) -> bytes:
    """The PKCS#12 bundle of the generation at that path. Raises HostError."""
    command = ["pkcs12", "-export", "-name", name, "-passout", f"env:{_PASSPHRASE_VARIABLE}"]
    command += ["-inkey", os.path.join(generation, PRIVATE_KEY), "-in", os.path.join(generation, FULL_CHAIN)]
    return _run_openssl(OPENSSL, command, {_PASSPHRASE_VARIABLE: passphrase})


def openssl_program(openssl: str = OPENSSL) -> str:
    """The path of the host's openssl. Raises HostError where there is none."""
    program = find_command(openssl)
    if program is None:
        raise HostError(
            "private_key: host needs the command openssl on the host, which is missing. "
            "Install the package openssl there, or leave private_key at controller."
        )
    return program


def _run_openssl(openssl: str, arguments: list[str], variables: Mapping[str, str] | None = None) -> bytes:
    outcome = run([openssl_program(openssl), *arguments], _OPENSSL_SECONDS, environment=variables, umask=0o077)
    if outcome.status:
        raise HostError(f"openssl {arguments[0]} failed on the host: {outcome.output.strip()[-500:]}")
    return outcome.stdout
