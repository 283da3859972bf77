# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the machine brings to the tests: its environment, its Python interpreters, its programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LAB = Path(__file__).parent

#: What OpenSSL, Python, curl and requests read instead of the machine's trust store: tests prove trust without them.
TRUST_VARIABLES = frozenset({"CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"})

#: The programs that the tests use, and the Debian package that brings each.
PROGRAMS = {
    "/usr/share/easy-rsa/easyrsa": "easy-rsa",
    "apache2": "apache2-bin",
    "buildah": "buildah",
    "caddy": "caddy",
    "cc": "build-essential",
    "certtool": "gnutls-bin",
    "certutil": "libnss3-tools",
    "curl": "curl",
    "gnutls-cli": "gnutls-bin",
    "haproxy": "haproxy",
    "iptables": "iptables",  # which podman's networks need, and no package of podman's asks for
    "javac": "default-jdk-headless",
    "mkcert": "mkcert",
    "mmdebstrap": "mmdebstrap",
    "nginx": "nginx-light",
    "node": "nodejs",
    "ocsptool": "gnutls-bin",
    "openssl": "openssl",
    "pkcs11-tool": "opensc",
    "pg_lsclusters": "postgresql",
    "podman": "podman",
    "ps": "procps",
    "shellcheck": "shellcheck",
    "softhsm2-util": "softhsm2",
    "ssh": "openssh-client",
    "trust": "p11-kit",
    "vfychain": "libnss3-tools",
}
#: What Debian would start after the installation of a package, and at each start of the machine.
SERVICES = {
    "caddy": "caddy.service",
    "haproxy": "haproxy.service",
    "nginx-light": "nginx.service",
    "postgresql": "postgresql.service",
}
#: Where Debian has servers; not on every user's PATH.
SERVER_FOLDERS = ("/usr/sbin", "/usr/local/sbin")
#: Asked by Debian's packages before they start a service: see invoke-rc.d(8).
SERVICE_POLICY = Path("/usr/sbin/policy-rc.d")
#: What podman needs besides where systemd does not run the machine: see containers.conf.
PROGRAMS_WITHOUT_SYSTEMD = {
    "/usr/lib/podman/aardvark-dns": "aardvark-dns",
    "/usr/lib/podman/netavark": "netavark",
    "runc": "runc",
}

#: What the temporary files of tests may take, in bytes.
TEMPORARY = 4 * 1024**3


def runs_systemd() -> bool:
    """Whether systemd is the machine's init: the test that sd_booted(3) makes."""
    return Path("/run/systemd/system").is_dir()


def cache_folder() -> Path:
    """Where the tests keep what is costly to make and belongs to no single checkout."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "anchorage.pki"


def test_environment() -> dict[str, str]:
    """The caller's environment without what would bend a test: trust variables, settings of Ansible and Python."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in TRUST_VARIABLES and not name.startswith(("ANSIBLE_", "MOLECULE_", "PYTHON"))
    }
    if not runs_systemd():
        environment.setdefault("CONTAINERS_CONF", str(LAB / "containers.conf"))
    return environment


def in_memory(folder: str = "/dev/shm") -> dict[str, str]:
    """The variable that has temporary files kept in memory, which takes less time: where there is room for those of all
    tests, and programs among them may be run."""
    try:
        system = os.statvfs(folder)
    except FileNotFoundError:
        return {}
    fits = system.f_bavail * system.f_frsize >= TEMPORARY and not system.f_flag & os.ST_NOEXEC
    return {"TMPDIR": folder} if fits and os.access(folder, os.W_OK) else {}


def missing_packages() -> list[str]:
    """The Debian packages that bring the programs which the tests use and the machine lacks."""
    wanted = PROGRAMS if runs_systemd() else PROGRAMS | PROGRAMS_WITHOUT_SYSTEMD
    return sorted({package for program, package in wanted.items() if not find_server(program)})


def find_server(program: str) -> str | None:
    """Where a program is that may be one of those which are not on every user's PATH."""
    return shutil.which(program, path=os.pathsep.join([*os.get_exec_path(), *SERVER_FOLDERS]))


def new_services(packages: list[str]) -> list[str]:
    """The services that systemd would start with the machine, of packages that were just installed."""
    return [SERVICES[package] for package in packages if package in SERVICES and runs_systemd()]


@contextmanager
def services_not_started(policy: Path = SERVICE_POLICY) -> Iterator[None]:
    """Keep the packages that are installed meanwhile from starting services, unless the machine has a policy already.

    Status 101 forbids the action. An existing policy is the administrator's, and stays as it is.
    """
    try:
        descriptor = os.open(policy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755)
    except FileExistsError:
        yield
        return
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexit 101\n")
    try:
        yield
    finally:
        policy.unlink()


def interpreters() -> dict[tuple[int, int], Path]:
    """Real interpreters by their version: those on PATH, and those that pyenv keeps behind its shims."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    folders += sorted(Path.home().glob(".pyenv/versions/*/bin"))
    found: dict[tuple[int, int], Path] = {}
    for program in (program for folder in folders for program in sorted(folder.glob("python3.*"))):
        version = re.fullmatch(r"python3\.(\d+)", program.name)
        if version and "shims" not in program.parts and can_make_environments(program):
            found.setdefault((3, int(version[1])), program)
    return found


def can_make_environments(python: Path) -> bool:
    """Whether an interpreter starts and has what a virtual environment needs (Debian packages that apart)."""
    return subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0
