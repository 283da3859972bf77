# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which images the hosts of the scenarios have: made without a registry by default, the distributions' own on request,
and never the ones in the place of the others.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import run
import steps
import yaml
from lab import build_images, distributions, images, machine
from programs import ROOT

TRUST = ROOT / "molecule" / "trust"

needs_podman = pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed")


def hosts_in(group: dict[str, Any]) -> dict[str, Any]:
    """The hosts of a group of an inventory, and of the groups in it, with the variables of each."""
    found: dict[str, Any] = dict(group.get("hosts") or {})
    for child in (group.get("children") or {}).values():
        found |= hosts_in(child)
    return found


def hosts_of(path: Path) -> dict[str, str | None]:
    """The hosts of an inventory, and their images."""
    inventory = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: (variables or {}).get("laboratory_image") for name, variables in hosts_in(inventory["all"]).items()}


def make(*arguments: str) -> str:
    """What make would run."""
    listing = ["make", "--dry-run", "--no-print-directory", *arguments]
    return subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("arguments", "kind"), [([], "shaped"), (["IMAGES=shaped"], "shaped"), (["IMAGES=real"], "real")]
)
def test_images_that_need_no_registry_are_the_default(arguments: list[str], kind: str) -> None:
    command = make("molecule", *arguments).splitlines()[-1].split()
    names = {step.name: step.action for step in run.wanted_steps(command[2:])}
    assert names["molecule trust"].args == ("trust", kind)  # type: ignore[attr-defined]
    assert names["set-up: container images"].args == (kind,)  # type: ignore[attr-defined]


def test_a_kind_that_is_not_known_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.wanted_steps(["--images=own", "molecule"])
    assert "invalid choice: 'own'" in capsys.readouterr().err


@pytest.mark.parametrize("kind", images.KINDS)
def test_each_host_has_an_image(kind: str) -> None:
    fixed, chosen = hosts_of(TRUST / "inventory" / "hosts.yml"), hosts_of(TRUST / "images" / f"{kind}.yml")
    assert {name for name, image in fixed.items() if image} == {"trust-bookworm", "trust-trixie"}
    assert {name for name, image in fixed.items() if not image} <= set(chosen)
    assert all(chosen.values())
    assert not {"trust-bookworm", "trust-trixie"} & set(chosen)


def test_the_platforms_of_both_kinds_are_the_same_but_for_fedora() -> None:
    shaped, real = (hosts_of(TRUST / "images" / f"{kind}.yml") for kind in images.KINDS)
    assert set(real) - set(shaped) == {"trust-fedora"}
    assert not set(shaped) - set(real)


def test_shaped_images_are_built_without_a_registry() -> None:
    built = {f"localhost/anchorage/{image.name}" for image in build_images.IMAGES}
    assert set(hosts_of(TRUST / "images" / "shaped.yml").values()) <= built
    assert all("-shaped:" in str(image) for image in hosts_of(TRUST / "images" / "shaped.yml").values())


def test_real_images_are_those_of_the_distributions() -> None:
    names = {
        str(image).removeprefix(f"{distributions.REPOSITORY}:")
        for image in hosts_of(TRUST / "images" / "real.yml").values()
    }
    assert names == {"rhel-9", "rhel-10", "fedora", "opensuse-leap", "arch", "alpine"}
    assert names == set(images.of_distributions()) <= set(distributions.DISTRIBUTIONS)
    assert not any("shaped" in name for name in images.of_debian())


def test_every_scenario_says_which_images_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(distributions.VARIABLE, raising=False)
    for scenario in steps.scenarios():
        for kind in images.KINDS:
            assert images.described(scenario, kind).startswith("on ")
    assert "redhat-shaped:9" in images.described("trust", "shaped")
    assert "registry.access.redhat.com/ubi9/ubi:latest" in images.described("trust", "real")
    assert "shaped" not in images.described("trust", "real")
    assert images.described("distribution", "real") == "on trixie:base"
    monkeypatch.setenv(distributions.VARIABLE, "fedora")
    assert images.described("distribution", "real") == "on docker.io/library/fedora:latest"


@pytest.mark.parametrize("name", distributions.DISTRIBUTIONS)
def test_an_image_is_named_with_its_registry(name: str) -> None:
    """Otherwise it would depend on the machine's registries.conf whose image that is."""
    registry, _slash, repository = distributions.DISTRIBUTIONS[name].image.partition("/")
    assert "." in registry
    assert repository
    assert ":" in distributions.DISTRIBUTIONS[name].image


@pytest.mark.parametrize(
    ("name", "packages"), [("almalinux-8", "python3.12"), ("arch", "python"), ("alpine", "python3")]
)
def test_the_image_of_a_host_has_a_supported_python(name: str, packages: str) -> None:
    distribution = distributions.DISTRIBUTIONS[name]
    first, second = distributions.containerfile(distribution).splitlines()
    assert first == f"FROM {distribution.image}"
    assert second == f"RUN {distribution.install} ca-certificates curl openssl {packages}"


@needs_podman
def test_a_registry_that_cannot_be_reached_is_told_and_nothing_is_built() -> None:
    """RFC 6761 has no name server know .invalid."""
    program = (
        "from lab import distributions as d; "
        "d.DISTRIBUTIONS['gone'] = d.Distribution('registry.invalid/gone:1', d.APK); d.main(['gone'])"
    )
    command = [sys.executable, "-c", program]
    environment = machine.test_environment()
    ended = subprocess.run(command, cwd=ROOT / "tests", env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "The image of gone cannot be pulled: registry.invalid/gone:1." in ended.stderr
    assert "IMAGES=shaped" in ended.stderr
    assert "STEP" not in ended.stdout
