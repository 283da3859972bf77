# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet of ssh hosts in containers, each with an address of its own on a network of the fleet's own.

Run in ``tests/``: ``python -m lab.fleet up FOLDER NUMBER [IMAGE]`` starts one and writes all that is needed to reach it
into a new folder, its inventory first of all; ``python -m lab.fleet down FOLDER`` removes the fleet of that folder and
the folder. The usual image is ``bookworm:fleet`` of build_images.py; fleet_host/Containerfile lists its accounts.

Containers and network carry a label with the fleet's id, made from the folder's path: fleets of different folders do
not disturb each other, and one whose folder was lost can still be removed.
"""

from __future__ import annotations

import argparse
import hashlib
import ipaddress
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab import machine

IMAGE = "localhost/anchorage/bookworm:fleet"
LABEL = "anchorage.fleet"
#: The addresses of podman's networks, less that of the network, the gateway's and the one for broadcasts.
LARGEST = 253
#: How many seconds hosts may take until they can be reached.
PATIENCE = 60


@dataclass(frozen=True)
class Host:
    """A host of a fleet: its name in the inventory, and its address."""

    name: str
    address: str


@dataclass(frozen=True)
class Fleet:
    """A fleet: the folder with what is needed to reach it, its hosts, and what they are made of."""

    folder: Path
    hosts: tuple[Host, ...]
    image: str = IMAGE

    @property
    def label(self) -> str:
        """What its containers and its network carry, and nothing else does."""
        return label_of(self.folder)

    @property
    def network(self) -> str:
        """The name of its network."""
        return network_of(self.folder)

    @property
    def inventory(self) -> Path:
        """The inventory of all of its hosts, in the group ``fleet``."""
        return self.folder / "inventory.ini"


def fleet_id(folder: Path) -> str:
    """The id of the fleet of a folder."""
    return hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]


def label_of(folder: Path) -> str:
    return f"{LABEL}={fleet_id(folder)}"


def network_of(folder: Path) -> str:
    return f"anchorage-fleet-{fleet_id(folder)}"


def podman(*arguments: str | Path) -> str:
    """Run podman and return what it prints; what it complains about goes to the terminal."""
    command, environment = ["podman", *arguments], machine.test_environment()
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def create(folder: Path, number: int, image: str = IMAGE) -> Fleet:
    """Start a fleet of so many hosts, whose folder must not exist."""
    folder.mkdir(mode=0o700)
    # ssh's sockets have paths of 107 bytes at most, a checkout may be anywhere.
    (folder / "connections").symlink_to(tempfile.mkdtemp(prefix="anchorage-fleet-"))
    for key in ("ssh_key", "host_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    network = network_of(folder)
    podman("network", "create", "--disable-dns", "--label", label_of(folder), network)
    subnet = podman("network", "inspect", "--format={{(index .Subnets 0).Subnet}}", network)
    fleet = Fleet(folder, hosts_of(subnet, number), image)
    write_known_hosts(fleet)
    fleet.inventory.write_text(inventory(fleet, fleet.hosts), encoding="utf-8")
    start_hosts(fleet)
    return fleet


def hosts_of(subnet: str, number: int) -> tuple[Host, ...]:
    """So many hosts in a network whose first address is the gateway's."""
    _gateway, *addresses = ipaddress.ip_network(subnet).hosts()
    return tuple(Host(f"host{index + 1}.internal", str(addresses[index])) for index in range(number))


def write_known_hosts(fleet: Fleet) -> None:
    """Say by which key the hosts are known. It is one for all, since which of them answers is not what is tested."""
    kind, key, *_comment = (fleet.folder / "host_key.pub").read_text(encoding="utf-8").split()
    lines = [f"{host.address} {kind} {key}\n" for host in fleet.hosts]
    (fleet.folder / "known_hosts").write_text("".join(lines), encoding="utf-8")


def inventory(fleet: Fleet, hosts: Iterable[Host]) -> str:
    """An inventory of some of the hosts, with the interpreter set, as whoever wants speed sets it."""
    lines = [f"{host.name} ansible_host={host.address} laboratory_container={container(fleet, host)}" for host in hosts]
    variables = [
        "ansible_user=root",
        "ansible_python_interpreter=/usr/bin/python3",
        f"ansible_ssh_private_key_file={fleet.folder.resolve() / 'ssh_key'}",
        f"ansible_ssh_common_args='-o UserKnownHostsFile=\"{fleet.folder.resolve() / 'known_hosts'}\"'",
        # Not in the user's folder, where connections to a former fleet with these addresses may be open.
        f"ansible_control_path_dir={(fleet.folder / 'connections').resolve()}",
    ]
    return "\n".join(["[fleet]", *lines, "", "[fleet:vars]", *variables, ""])


def start_hosts(fleet: Fleet) -> None:
    """Start all hosts, which must not exist, and wait until they can be reached."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(partial(start_host, fleet), fleet.hosts))
    deadline = time.monotonic() + PATIENCE
    for host in fleet.hosts:
        wait_for(host, deadline)


def start_host(fleet: Fleet, host: Host) -> None:
    folder = fleet.folder.resolve()
    podman(
        "run",
        "--detach",
        f"--name={container(fleet, host)}",
        f"--hostname={host.name}",
        f"--label={fleet.label}",
        f"--network={fleet.network}",
        f"--ip={host.address}",
        f"--volume={folder / 'host_key'}:/etc/ssh/ssh_host_ed25519_key:ro",
        f"--volume={folder / 'ssh_key.pub'}:/etc/ssh/authorized_keys:ro",
        fleet.image,
    )


def container(fleet: Fleet, host: Host) -> str:
    """The name of a host's container."""
    return f"{fleet.network}-{host.name}"


def wait_for(host: Host, deadline: float) -> None:
    """Wait until the host's sshd answers."""
    while True:
        try:
            with socket.create_connection((host.address, 22), timeout=1) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def run_everywhere(fleet: Fleet, *command: str) -> None:
    """Run a command on all hosts, without ssh."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda host: podman("exec", container(fleet, host), *command), fleet.hosts))


def remove_hosts(folder: Path) -> None:
    """Remove all hosts of a folder's fleet."""
    containers = podman("ps", "--all", "--quiet", f"--filter=label={label_of(folder)}").split()
    if containers:
        podman("rm", "--force", "--time=0", *containers)


def remove(folder: Path) -> None:
    """Remove the fleet of a folder, and the folder."""
    remove_hosts(folder)
    networks = podman("network", "ls", "--quiet", f"--filter=label={label_of(folder)}").split()
    if networks:
        podman("network", "rm", *networks)
    if folder.exists():
        shutil.rmtree((folder / "connections").resolve(), ignore_errors=True)  # it may have been tidied away
        shutil.rmtree(folder)


def main(arguments: list[str]) -> None:
    """Start a fleet, or remove one."""
    parser = argparse.ArgumentParser(prog="lab.fleet", description="Start or remove a fleet of ssh hosts.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start one")
    up.add_argument("folder", type=Path, help="a folder that does not exist yet")
    up.add_argument("number", type=int, help="how many hosts")
    up.add_argument("image", nargs="?", default=IMAGE, help="what they are made of (default: %(default)s)")
    commands.add_parser("down", help="remove one").add_argument("folder", type=Path, help="its folder")
    wanted = parser.parse_args(arguments)
    if wanted.command == "down":
        remove(wanted.folder)
        return
    if not 0 < wanted.number <= LARGEST:
        parser.error(f"a fleet has 1 to {LARGEST} hosts")
    if wanted.folder.exists():
        parser.error(f"{wanted.folder} exists: remove its fleet first, or name another folder")
    print(create(wanted.folder, wanted.number, wanted.image).inventory)


if __name__ == "__main__":
    main(sys.argv[1:])
