# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the lookup in real runs: how often it loads, what templates get, and what stays behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller, Run
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import (
    DAMAGED_WITHIN,
    TEMPLATE,
    A,
    B,
    C,
    block,
)
from ansible_collections.anchorage.pki.tests.unit.roots import pem_of

THREE_TASKS = """
    - debug: msg="{{ query('anchorage.pki.native_roots') | length }} roots"
    - debug: msg="{{ query('anchorage.pki.native_roots', view='pem') | length }} roots"
    - debug: msg="{{ query('anchorage.pki.native_roots', select='[].subject') | length }} roots"
"""


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    controller = Controller(tmp_path, watched=True)
    controller.roots.write_bytes(A + B)
    return controller


def show(expression: str) -> str:
    """A task that shows what a template gives."""
    return f'    - debug: msg="{{{{ {expression} }}}}"\n'


def messages(run: Run) -> list[str]:
    """What the tasks of a run told, where it ended well."""
    assert run.status == 0, run.output + run.errors
    return re.findall(r'"msg": "?(.*?)"?$', run.output, re.MULTILINE)


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_twenty_hosts_with_ten_forks_and_three_tasks_load_once(controller: Controller, strategy: str) -> None:
    run = controller.play(THREE_TASKS, hosts=20, header=f"  strategy: {strategy}\n")
    assert messages(run) == ["2 roots"] * 60
    assert run.loads == 1
    assert "WARNING" not in run.output + run.errors
    assert controller.left_behind() == []


def test_a_look_up_in_the_main_process_loads_for_all(controller: Controller) -> None:
    name = "    - name: \"{{ query('anchorage.pki.native_roots') | length }} roots\"\n      debug: msg=here"
    run = controller.play(name + THREE_TASKS, hosts=20)
    assert messages(run) == ["here"] * 20 + ["2 roots"] * 60
    assert "TASK [2 roots]" in run.output
    assert run.loads == 1


def test_the_task_that_warms_loads_once(controller: Controller) -> None:
    warm = """
    - debug: msg="{{ query('anchorage.pki.native_roots', view='report').0.certificates }} roots"
      run_once: true
"""
    run = controller.play(warm + THREE_TASKS, hosts=20)
    assert messages(run) == ["2 roots"] * 61
    assert run.loads == 1


def test_a_failure_is_loaded_once_a_run_and_reported(controller: Controller) -> None:
    controller.roots.write_bytes(b"nothing")
    task = """
    - debug: msg="{{ query('anchorage.pki.native_roots') }}"
      ignore_errors: true
"""
    run = controller.play(task * 2, hosts=5)
    assert run.status == 0
    assert len(re.findall(r"fatal: .*No native root was found in", run.output)) == 10
    assert run.loads == 1
    assert controller.left_behind() == []


def test_a_refresh_is_seen_by_all_later_tasks_and_where_it_fails_warns_once_and_keeps_the_roots(
    controller: Controller,
) -> None:
    """What is done after trust_anchor on localhost, with a file that takes the store's place."""
    (controller.folder / "changed.pem").write_bytes(A + B + C)
    count = show("query('anchorage.pki.native_roots', view='pem') | length")
    refreshed_count = show("query('anchorage.pki.native_roots', view='pem', refresh=true) | length")
    once = "      run_once: true\n"
    change = f"    - copy: src={controller.folder}/changed.pem dest={controller.roots} mode=0600\n"
    remove = f"    - file: path={controller.roots} state=absent\n"
    tasks = [count, change, once, count, refreshed_count, once, count, remove, once, refreshed_count, count]
    run = controller.play("".join(tasks), hosts=4)
    assert messages(run) == ["2"] * 4 + ["2"] * 4 + ["3"] + ["3"] * 4 + ["3"] * 8
    assert len(re.findall(r"The native roots were not refreshed, the\s+former\s+ones\s+stay", run.errors)) == 1


def test_what_is_odd_in_a_certificate_stays_text_and_is_left_out_of_a_bundle(controller: Controller) -> None:
    """A bundle lasts as long as the run, is for its user alone, and says what it lacks."""
    controller.roots.write_bytes(pem_of(TEMPLATE) + A + block("CERTIFICATE", DAMAGED_WITHIN["an empty key"]))
    lookup = "lookup('anchorage.pki.native_roots', view='bundle'"
    tasks = [
        show("query('anchorage.pki.native_roots').0.subject"),
        f"    - command: stat -c '%a %s %n' {{{{ {lookup}, select='[1:2]') }}}}\n      register: bundle\n",
        show("bundle.stdout"),
        show(f"lookup('file', {lookup})) | length"),
        show(f"{lookup}, strict=true)") + "      ignore_errors: true\n",
    ]
    run = controller.play("".join(tasks), hosts=2)
    subjects, bundles, lengths = (messages(run)[start : start + 2] for start in (0, 2, 4))
    assert subjects == ["CN={{ 7 * 7 }}"] * 2
    for mode, size, path in (bundle.split() for bundle in bundles):
        assert (mode, int(size)) == ("600", len(A))
        assert not Path(path).exists()
    assert lengths == [str(len((pem_of(TEMPLATE) + A).strip()))] * 2
    assert len(re.findall(r"\[WARNING\]: The\s+bundle\s+lacks\s+what\s+OpenSSL\s+cannot\s+parse", run.errors)) == 1
    assert len(re.findall(r"fatal: .*The bundle lacks what OpenSSL cannot parse", run.output)) == 2
    assert run.output.count("...ignoring") == 2


def test_a_wrong_use_is_reported(controller: Controller) -> None:
    controller.roots.write_bytes(A + B[:99])
    wrong = {
        "'term'": "takes no terms",
        "view='nonsense'": "Valid values are: certificates, pem, bundle, report",
        "select='[?'": "is not a JMESPath expression",
        "strict=true": "not read completely",
        "selct='[0]'": "has no option selct",
        "strict='ture'": "strict: ture is neither true nor false",
        "refresh='maybe'": "refresh: maybe is neither true nor false",
        "select=''": "select: the expression is empty",
    }
    tasks = [
        f"    - debug: msg=\"{{{{ query('anchorage.pki.native_roots', {arguments}) }}}}\"\n      ignore_errors: true\n"
        for arguments in wrong
    ]
    run = controller.play("".join(tasks))
    told = " ".join((run.output + run.errors).split())
    assert run.output.count("...ignoring") == len(wrong)
    assert [message for message in wrong.values() if message not in told] == []
    assert "Traceback" not in told
