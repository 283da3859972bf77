# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keystores made by the real keytool, and what it says of them."""

from __future__ import annotations

import functools
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._trust.java.keystore import JVM_OPTIONS
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ScratchHost

PASSWORD = "changeit"
#: Has a password's key be derived in fewer rounds, no thread be started to collect garbage, and dates be told without
#: the data of all languages.
QUICK = (
    "-J-XX:+UseSerialGC",
    "-J-Djava.locale.providers=SPI",
    "-J-Dkeystore.pkcs12.certPbeIterationCount=100",
    "-J-Dkeystore.pkcs12.keyPbeIterationCount=100",
    "-J-Dkeystore.pkcs12.macIterationCount=100",
)
PLAIN = ("-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE", "-J-Dkeystore.pkcs12.macAlgorithm=NONE")
#: The kinds of cacerts by the options that keytool makes them with: up to JDK 17, since JDK 18, and a person's.
KINDS: dict[str, tuple[str, ...]] = {
    "JKS": ("-storetype", "JKS"),
    "plain PKCS12": ("-storetype", "PKCS12", *PLAIN),
    "encrypted PKCS12": ("-storetype", "PKCS12"),
}


def keytool(path: Path, *arguments: str, stdin: bytes = b"", password: str = PASSWORD) -> str:
    """Run keytool over the keystore at ``path``; its output."""
    command = keytool_command(path, *arguments, password=password)
    return subprocess.run(command, input=stdin, check=True, capture_output=True).stdout.decode()


def keytool_command(path: Path, *arguments: str, password: str = PASSWORD) -> list[str]:
    return [
        str(shutil.which("keytool")),
        *JVM_OPTIONS,
        *QUICK,
        *arguments,
        "-keystore",
        str(path),
        "-storepass",
        password,
    ]


def make_keystore(path: Path, kind: str, password: str = PASSWORD, **certificates: str) -> Path:
    """A keystore with these certificates in PEM by their aliases."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_content(kind, password, tuple(certificates.items())))
    return path


@functools.cache
def _content(kind: str, password: str, certificates: tuple[tuple[str, str], ...]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "keystore")
        for alias, pem in certificates:
            import_into(path, alias, pem, *KINDS[kind], password=password)
        return path.read_bytes()


def import_into(path: Path, alias: str, pem: str, *options: str, password: str = PASSWORD) -> None:
    keytool(path, "-importcert", "-noprompt", "-alias", alias, *options, stdin=pem.encode(), password=password)


def aliases_in(path: Path, password: str = PASSWORD) -> list[str]:
    """The aliases of the trusted certificates, sorted."""
    lines = _list(path.read_bytes(), password).splitlines()
    return sorted(line.split(",")[0] for line in lines if "trustedCertEntry" in line)


@functools.cache
def _list(content: bytes, password: str) -> str:
    """What keytool says of a keystore with that content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "keystore")
        path.write_bytes(content)
        return keytool(path, "-list", password=password)


#: Runs keytool, unless it was asked for the same before: by the same arguments, with the same password and the same
#: standard input, of a keystore with the same content, wherever that is. An answer is what it printed, its status, and
#: what became of the keystore. None is kept that names the keystore's path, or that depends on another file.
_QUICK_KEYTOOL = """#!/bin/sh
for argument in "$@"; do
    [ "$former" = -keystore ] && keystore=$argument
    [ "$argument" = -file ] && exec {command} "$@"
    former=$argument
done
[ -f "$keystore" ] || exec {command} "$@"
new=$(mktemp -d {answers}/new-XXXXXX)
cat > "$new/given"
answer={answers}/$({{
    for argument in "$@"; do [ "$argument" = "$keystore" ] || echo "$argument"; done
    env | grep ^ANCHORAGE_
    sha256sum - "$new/given" "$keystore" < /dev/null | cut -d" " -f1
}} | sha256sum | cut -d" " -f1)
if [ -e "$answer" ]; then
    rm -r "$new"
    cmp -s "$answer/keystore" "$keystore" || cat "$answer/keystore" > "$keystore"
else
    {command} "$@" < "$new/given" > "$new/output" 2>&1
    echo $? > "$new/status"
    cp "$keystore" "$new/keystore"
    chmod -R a+rX "$new"
    grep -qF "$keystore" "$new/output" && answer=$new || mv -T "$new" "$answer"
fi
cat "$answer/output"
exit "$(cat "$answer/status")"
"""


@functools.cache
def _answers() -> tempfile.TemporaryDirectory[str]:
    """A folder outside of every scratch host, for whoever asks."""
    folder = tempfile.TemporaryDirectory(prefix="anchorage-test-")
    Path(folder.name).chmod(0o1777)
    return folder


def quick_keytool(folder: Path) -> Path:
    """The real keytool as a command in ``folder`` that takes less time."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "keytool"
    command = shlex.join([str(shutil.which("keytool")), *QUICK])
    script.write_text(_QUICK_KEYTOOL.format(command=command, answers=_answers().name))
    script.chmod(0o755)
    return script


def give_quick_keytool(host: ScratchHost) -> None:
    """Have a host's keytool take less time."""
    programs = quick_keytool(host.root / "bin").parent
    host.settings = replace(host.settings, search_path=f"{programs}:{host.settings.search_path}")
