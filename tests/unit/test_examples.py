# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every example of the documentation, as far as it can be judged without hosts: what a reader copies has names, options
and values that there are. Those of README.md are followed by the scenario ``readme`` besides."""

from __future__ import annotations

import configparser
import datetime
import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible import constants
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    NameOID,
    ec,
    hashes,
    serialization,
    x509,
)
from ansible_collections.anchorage.pki.tests.unit.nginx_configuration import nginx_configuration
from ansible_collections.anchorage.pki.tests.unit.scratch_postgresql import scratch_server
from documentation import ansible_examples, command_examples
from documentation.examples import INVENTORY, LIST, VARIABLES, Example, examples, is_play, kind_of, load
from documentation.pages import ROOT, pages

ALL = tuple(examples())
#: What is judged here, and the rest: there is no PowerShell, and nobody types a picture or an output.
JUDGED = {"caddyfile", "console", "dockerfile", "ini", "nginx", "python", "sql", "yaml"}
NOT_JUDGED = {"powershell", "text"}


def of(language: str) -> list[Any]:
    return [pytest.param(example, id=example.place) for example in ALL if example.language == language]


def test_pages_and_plugins_have_examples_of_each_kind() -> None:
    kinds = [kind_of(load(example.text)) for example in ALL if example.language == "yaml"]
    assert kinds.count(LIST) > 30
    assert kinds.count(INVENTORY) > 3
    assert kinds.count(VARIABLES) > 15
    assert len(of("console")) > 40
    assert {example.language for example in ALL} == JUDGED | NOT_JUDGED
    assert "" not in kinds
    assert {example.path.parts[0] for example in ALL} == {"README.md", "CONTRIBUTING.md", "docs", "roles", "plugins"}


@pytest.mark.parametrize("example", of("yaml"))
def test_names_options_and_values_in_yaml_are_those_that_there_are(example: Example) -> None:
    assert ansible_examples.faults(load(example.text)) == []


@pytest.mark.parametrize("example", of("console"))
def test_commands_are_those_that_programs_take(example: Example) -> None:
    typed = command_examples.commands(example.text)
    assert "\n".join(typed).count("\n") == example.text.rstrip().count("\n"), "not every line has a prompt before it"
    assert [fault for command in typed for fault in command_examples.faults(command)] == []


def test_ansible_takes_plays_and_tasks(tmp_path: Path) -> None:
    """Each in a playbook of its own, so that a failure names the example, and one process for all of them."""
    playbooks = []
    for number, example in enumerate(ALL):
        if example.language == "yaml" and kind_of(load(example.text)) == LIST:
            path = tmp_path / f"{number}-{example.path.parent.name}-{example.path.stem}-{example.line}.yml"
            path.write_text(playbook(example.text), encoding="utf-8")
            playbooks.append({"import_playbook": path.name})
    checked = run_ansible("playbook", "--syntax-check", written(tmp_path / "all.yml", playbooks))
    assert checked.returncode == 0, checked.stderr


def test_a_task_that_ansible_does_not_take_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "play.yml"
    path.write_text(playbook("- anchorage.pki.leaf_certificates:\n"), encoding="utf-8")
    assert "anchorage.pki.leaf_certificates" in run_ansible("playbook", "--syntax-check", path).stderr


def test_ansible_takes_inventories(tmp_path: Path) -> None:
    for number, example in enumerate(ALL):
        if example.language == "yaml" and kind_of(load(example.text)) == INVENTORY:
            (tmp_path / f"{number}.yml").write_text(example.text, encoding="utf-8")
    read = run_ansible("inventory", "--inventory", tmp_path, "--graph")
    assert read.returncode == 0, read.stderr
    assert "Failed to parse" not in read.stderr
    assert "web1.corp.example.com" in read.stdout


def playbook(text: str) -> str:
    """A playbook with the plays of an example, and its tasks in a play for them, as it was written."""
    if all(is_play(entry) for entry in load(text)):
        return text
    if not any(is_play(entry) for entry in load(text)):
        return "- hosts: all\n  tasks:\n" + re.sub("^(?=.)", "    ", text.replace("---\n", ""), flags=re.MULTILINE)
    plays = [entry if is_play(entry) else {"hosts": "all", "tasks": [entry]} for entry in load(text)]
    return str(yaml.safe_dump(plays, sort_keys=False))


def written(path: Path, content: Any) -> Path:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def run_ansible(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"), "NO_COLOR": "1"}
    command = [Path(sys.executable).with_name(f"ansible-{program}"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("example", of("ini"))
def test_settings_of_ansible_are_those_that_there_are(example: Example) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(example.text)
    definitions = constants.config.get_configuration_definitions().values()
    settings = {(ini["section"], ini["key"]) for entry in definitions for ini in entry.get("ini", [])}
    # Of the connection by ssh, which reads its own.
    settings |= {("ssh_connection", "pipelining"), ("connection", "pipelining")}
    assert {(section, key) for section in parser.sections() for key in parser[section]} <= settings


@pytest.mark.parametrize("example", of("python"))
def test_python_compiles(example: Example) -> None:
    compile(example.text, example.place, "exec")


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
@pytest.mark.parametrize("example", of("nginx"))
def test_nginx_takes_its_blocks(example: Example, tmp_path: Path) -> None:
    """With certificates where the example says, below a folder of the test's, and pointers as hosts have them."""
    for path in set(re.findall(r"(/\S+\.(?:pem|key|conf));", example.text)):
        (tmp_path / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path.lstrip("/")).write_text(nginx_file(path, tmp_path), encoding="utf-8")
    moved = re.sub(r"(?<=[ \t])(?=/\S+\.(?:pem|key|conf);)", str(tmp_path), example.text)
    block = moved if "server {" in moved else f"server {{ listen 127.0.0.1:8443 ssl; {moved} }}"
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(nginx_configuration(block).replace("{folder}", str(tmp_path)), encoding="utf-8")
    tested = subprocess.run(["nginx", "-t", "-c", configuration], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr


@pytest.mark.skipif(not shutil.which("caddy"), reason="Caddy is not installed")
@pytest.mark.parametrize("example", of("caddyfile"))
def test_caddy_takes_its_configuration(example: Example, tmp_path: Path) -> None:
    configuration = tmp_path / "Caddyfile"
    configuration.write_text(example.text, encoding="utf-8")
    command = ["caddy", "adapt", "--adapter", "caddyfile", "--config", configuration]
    adapted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert adapted.returncode == 0, adapted.stderr


@pytest.mark.parametrize("example", of("sql"))
def test_postgresql_takes_statements(example: Example) -> None:
    with scratch_server() as server, server.connected("postgres") as connection:
        for statement in filter(None, map(str.strip, example.text.split(";"))):
            connection.execute(statement)


@pytest.mark.parametrize("example", of("dockerfile"))
def test_a_shell_takes_what_images_run(example: Example) -> None:
    """The scenario ``awx`` builds the last step of them besides, without a network."""
    instructions = re.findall(r"^([A-Z]+) (.+?)$", example.text.replace("\\\n", " "), re.MULTILINE)
    assert {name for name, _rest in instructions} == {"FROM", "RUN"}
    for _name, rest in instructions[1:]:
        command = re.sub(r"--mount=\S+ +", "", rest)
        assert command_examples.faults(command) == []


def nginx_file(path: str, folder: Path) -> str:
    """What is in a file that nginx reads: a key and its certificate; or of a leaf's pointer, where these are."""
    if "/anchorage/" in path and path.endswith(".conf"):
        pair = folder / "pair.pem"
        pair.write_text(key_and_certificate(), encoding="utf-8")
        return f"ssl_certificate {pair};\nssl_certificate_key {pair};\n"
    return "ssl_stapling on;\n" if path.endswith(".conf") else key_and_certificate()


@functools.cache
def key_and_certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an example")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return (key.private_bytes(pem, pkcs8, serialization.NoEncryption()) + certificate).decode()


#: What the collection has, by the names after ``anchorage.pki.``: its action group, plugins, roles and playbooks, and
#: the agent of a Mac.
HAS = {"pki", "renewal"}.union(
    *({path.stem for path in ROOT.glob(pattern)} for pattern in ("plugins/*/[!_]*.py", "roles/*", "playbooks/*.yml"))
)


@pytest.mark.parametrize("page", pages(), ids=str)
def test_what_a_page_names_of_the_collection_is_there(page: Path) -> None:
    assert named_in_vain((ROOT / page).read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize("example", of("yaml"))
def test_what_an_example_names_of_the_collection_is_there(example: Example) -> None:
    assert named_in_vain(example.text) == set()


def test_what_is_not_there_is_seen() -> None:
    assert named_in_vain("lookup('anchorage.pki.native_root'), anchorage.pki.site, anchorage.pki.pki") == {
        "native_root"
    }


def named_in_vain(text: str) -> set[str]:
    return set(re.findall(r"\banchorage\.pki\.(\w+)", text)) - HAS


LEAF = {"name": "site", "names": ["www.test"]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"leaf_certificate_certificats": []}, "leaf_certificate_certificats is unknown"),
        ({"leaf_certificate_lifetime": "30d"}, "leaf_certificate_lifetime: '30d' is not a whole number"),
        ({"all": {"children": {"web": {"vars": {"anchorage_authorty": "/x"}}}}}, "anchorage_authorty is unknown"),
        ([{"hosts": "web", "roles": ["anchorage.pki.trust"]}], "no role anchorage.pki.trust"),
        ([{"hosts": "web", "vars": {"trust_anchor_stat": "absent"}}], "trust_anchor_stat is unknown"),
        ([{"ansible.builtin.import_playbook": "anchorage.pki.sites"}], "no playbook anchorage.pki.sites"),
        ([{"anchorage.pki.leaf_certificate": {**LEAF, "nams": []}}], "leaf_certificate: nams"),
        ([{"anchorage.pki.leaf_certificate": {"name": "site"}}], "state is present but"),
        ([{"anchorage.pki.leaf_certificate": {**LEAF, "server": "iis"}}], "value of server must be one of"),
        ([{"anchorage.pki.leaf_certificate": {"name": "a", "certificates": []}}], "mutually exclusive"),
        ([{"anchorage.pki.native_roots_info": {"stores": []}}], "has no option stores"),
        ([{"anchorage.pki.leaf": {}}], "there is no anchorage.pki.leaf"),
        ([{"ansible.builtin.uri": {"ca_file": "/x"}}], "ansible.builtin.uri has no option ca_file"),
        ([{"block": [{"ansible.builtin.urls": {}}]}], "there is no ansible.builtin.urls"),
        ([{"ansible.builtin.include_role": {"name": "anchorage.pki.leaf"}}], "no role anchorage.pki.leaf"),
        ([{"ansible.builtin.debug": {"msg": "{{ one | default('two }}"}}], "unexpected char"),
        ([{"ansible.builtin.assert": {"that": ["one is", "two"]}}], "expected token"),
    ],
)
def test_a_wrong_name_option_or_value_is_seen(content: Any, told: str) -> None:
    assert any(told in fault for fault in ansible_examples.faults(content)), ansible_examples.faults(content)


@pytest.mark.parametrize(
    "content",
    [
        {"apiVersion": "v1", "kind": "Pod"},
        [{"anchorage.pki.leaf_certificate": {**LEAF, "server": "{{ server }}", "staple": "{{ wanted }}"}}],
        [{"ansible.builtin.command": "true", "vars": {"mine": 1}}],
        [{"ansible.builtin.copy": {"content": "", "dest": "/x", "mode": "0644"}}],
    ],
)
def test_what_is_right_or_not_ours_is_let_be(content: Any) -> None:
    assert ansible_examples.faults(content) == []


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("ansible-playbook anchorage.pki.sites", "no playbook anchorage.pki.sites"),
        ("ansible-playbook anchorage.pki.site --chek", "unrecognized arguments: --chek"),
        ("ansible-playbook anchorage.pki.site -e anchorage_hots=web", "anchorage_hots is unknown"),
        ("ansible-playbook a.yml -e '{anchorage_ledger_keep_days: soon}'", "is not a whole number"),
        ("""ansible-playbook a.yml -e '{"anchorage_ledger_ends_within_days": "soon"}'""", "is not a whole number"),
        ("sudo ansible-playbook anchorage.pki.site \\\n  -e anchorage_ledger_step=verfy", "is not one of"),
        ("ansible web -m ansible.builtin.include_role -a name=anchorage.pki.nightly", "no role"),
        ("ansible-galaxy collection instal anchorage.pki", "invalid choice"),
        ("ansible-playbok anchorage.pki.site", "did you mean ansible-playbook?"),
        ("make demo-undone", "there is no make demo-undone"),
        ("echo 'one", "bash:"),
    ],
)
def test_a_wrong_command_is_seen(command: str, told: str) -> None:
    assert any(told in fault for fault in command_examples.faults(command)), command_examples.faults(command)


def test_commands_go_on_where_a_line_ends_in_a_backslash() -> None:
    text = "$ a \\\n  b\noutput\nhost1# c # d\n"
    assert command_examples.commands(text) == ["a \\\n  b", "c # d"]
