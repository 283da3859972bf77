# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Java keystore, read and changed. All of this runs as its owner: see as_user.py.

keytool(1) changes a copy of the file, which then takes the file's place: whoever reads it meanwhile sees the former
one or the new one, and a run that is killed leaves the former.
"""

from __future__ import annotations

import base64
import os
import re
import ssl
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import (
    create_file,
    remove,
    replace_file,
    sync,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._trust.certificates import certificates_in
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java.pkcs12 import read_pkcs12
from ansible_collections.anchorage.pki.plugins.module_utils._trust.jks import read_jks

# What every JDK's cacerts comes with. Those of a newer one have no password, and take any.
PASSWORD = "changeit"  # noqa: S105 (no secret: it stands in the manual)
_VARIABLE = "ANCHORAGE_STOREPASS"
_LIMIT = 60.0
# Most of what keytool takes is its JVM's compiler at work, for code that then runs for a moment: its quick level alone
# halves that. Not every JVM has levels: HotSpot would not start for an option that it does not know, unless it is told
# to pass by such options; OpenJ9 passes by them anyway.
JVM_OPTIONS = ("-J-XX:+IgnoreUnrecognizedVMOptions", "-J-XX:TieredStopAtLevel=1")
_ENTRY = re.compile(r"^Alias name: (.*?)$(.*?)(?=^Alias name: |\Z)", re.MULTILINE | re.DOTALL)
_REFUSAL = "password was incorrect"


def aliases(path: str, der: bytes, keytool: str, password: str = "") -> list[str]:
    """The aliases under which the keystore trusts the certificate. ``keytool`` serves where no other way is left, and
    is "" for none. Here as below, ``password`` is tried where the usual one is wrong. Raises HostError, OSError."""
    return [alias for alias, value in _entries(path, keytool, password).items() if value == der]


def read(path: str) -> str:
    """The whole file in base64."""
    return base64.b64encode(_content(path)).decode()


def write(path: str, content: str) -> None:
    """Put back what :func:`read` gave."""
    status = os.stat(path)
    with _opened_folder(path) as folder:
        replace_file(folder, os.path.basename(path), base64.b64decode(content), _attributes(status))


def add(path: str, alias: str, pem: str, keytool: str, password: str = "") -> None:
    """Trust the certificate under this alias, whatever it stood for before. Raises HostError, OSError."""
    former = [name for name in _entries(path, keytool, password) if name.lower() == alias]
    deletions = [(["-delete", "-alias", name], b"") for name in former]
    _edit(path, keytool, [*deletions, (["-importcert", "-noprompt", "-alias", alias], pem.encode())], password)


def delete(path: str, pems: list[str], keytool: str, password: str = "") -> None:
    """Trust the certificates no more, under any alias. Raises HostError, OSError."""
    ders = {ssl.PEM_cert_to_DER_cert(pem) for pem in pems}
    doomed = [alias for alias, value in _entries(path, keytool, password).items() if value in ders]
    if doomed:
        _edit(path, keytool, [(["-delete", "-alias", alias], b"") for alias in doomed], password)


def require_password(path: str, keytool: str, password: str = "") -> None:
    """Raises UserNeeded where the keystore has a password that is not known here."""
    _keytool(keytool, path, ["-list"], password)


def _entries(path: str, keytool: str, password: str) -> dict[str, bytes]:
    """The DER of each trusted certificate by its alias."""
    content = _content(path)
    for reader in (read_jks, read_pkcs12):
        entries = reader(content)
        if entries is not None:
            return entries
    if not keytool:
        raise HostError(f"{path} can only be read by keytool, and there is none.")
    # Without a password, keytool says of an encrypted keystore that it is empty.
    return dict(_listed(_keytool(keytool, path, ["-list", "-rfc"], password)))


def _listed(output: str) -> Iterator[tuple[str, bytes]]:
    for alias, text in _ENTRY.findall(output):
        if "trustedCertEntry" in text:
            for der in certificates_in(text.encode())[:1]:
                yield alias, der


def _content(path: str) -> bytes:
    content = read_regular(path)
    if content is None:
        raise HostError(f"{path} cannot be read.")
    return content


def _edit(path: str, keytool: str, steps: Sequence[tuple[list[str], bytes]], password: str) -> None:
    """Run keytool with each of these arguments and inputs over a copy of the file, and put the copy in its place."""
    name, status = os.path.basename(path), os.stat(path)
    staged = f".{name}.new"
    content = _content(path)
    with _opened_folder(path) as folder:
        remove(folder, staged)  # a killed run's
        try:
            create_file(folder, staged, content, _attributes(status, extra=stat.S_IWUSR))
            for arguments, given in steps:
                _keytool(keytool, path, arguments, password, given, staged)
            _finish(folder, staged, _attributes(status))
            os.rename(staged, name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            remove(folder, staged)
        sync(folder)


def _attributes(status: os.stat_result, extra: int = 0) -> Attributes:
    return Attributes(stat.S_IMODE(status.st_mode) | extra, status.st_uid, status.st_gid)


def _finish(folder: int, name: str, attributes: Attributes) -> None:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        attributes.apply(descriptor)
        sync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _opened_folder(path: str) -> Iterator[int]:
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield folder
    finally:
        os.close(folder)


def _keytool(
    keytool: str, path: str, arguments: Iterable[str], password: str, given: bytes = b"", staged: str = ""
) -> str:
    """The output of keytool over the keystore at ``path``, or over the ``staged`` copy in its folder. Raises HostError,
    UserNeeded."""
    target = os.path.join(os.path.dirname(path), staged) if staged else path
    command = [keytool, *JVM_OPTIONS, *arguments, "-keystore", target, "-storepass:env", _VARIABLE]
    outcome = run(command, _LIMIT, given, {_VARIABLE: PASSWORD})
    if _REFUSAL in outcome.output and password:
        outcome = run(command, _LIMIT, given, {_VARIABLE: password})
    if _REFUSAL in outcome.output:
        raise UserNeeded(
            f"{path} has a password of its own. Whoever knows it can add the root certificate, by "
            f"keytool -importcert -keystore {path} -alias NAME -file ROOT.pem, "
            f"or remove it, by keytool -delete -keystore {path} -alias NAME"
        )
    if outcome.status:
        raise HostError(f"keytool failed for {path}: {outcome.last_line.rstrip('.')}.")
    return outcome.output
