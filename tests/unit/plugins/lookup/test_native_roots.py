# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the lookup in real runs: how often it loads, what templates get, and what stays behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import (
    DAMAGED_WITHIN,
    TEMPLATE,
    A,
    B,
    C,
    block,
)
from ansible_collections.anchorage.pki.tests.unit.plays import Controller, Run
from ansible_collections.anchorage.pki.tests.unit.roots import pem_of

THREE_TASKS = """
    - debug: msg="{{ query('anchorage.pki.native_roots') | length }} roots"
    - debug: msg="{{ query('anchorage.pki.native_roots', view='pem') | length }} roots"
    - debug: msg="{{ query('anchorage.pki.native_roots', select='[].subject') | length }} roots"
"""


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    controller = Controller(tmp_path)
    controller.roots.write_bytes(A + B)
    return controller


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


def test_a_failure_is_loaded_and_told_once_a_run(controller: Controller) -> None:
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


def test_a_refresh_after_a_change_of_trust_is_seen_by_all_later_tasks(controller: Controller) -> None:
    """What is done after trust_anchor on localhost, with a file that takes the store's place."""
    (controller.folder / "changed.pem").write_bytes(A + B + C)
    count = "query('anchorage.pki.native_roots', view='pem') | length"
    tasks = f"""
    - debug: msg="{{{{ {count} }}}}"
    - copy: src={controller.folder}/changed.pem dest={controller.roots} mode=0600
      run_once: true
    - debug: msg="{{{{ {count} }}}}"
    - debug: msg="{{{{ query('anchorage.pki.native_roots', refresh=true, view='pem') | length }}}}"
      run_once: true
    - debug: msg="{{{{ {count} }}}}"
"""
    run = controller.play(tasks, hosts=3)
    assert messages(run) == ["2"] * 3 + ["2"] * 3 + ["3"] + ["3"] * 3


def test_a_refresh_that_fails_warns_once_and_keeps_the_roots(controller: Controller) -> None:
    tasks = f"""
    - debug: msg="{{{{ query('anchorage.pki.native_roots', view='pem') | length }}}}"
    - file: path={controller.roots} state=absent
      run_once: true
    - debug: msg="{{{{ query('anchorage.pki.native_roots', refresh=true, view='pem') | length }}}}"
    - debug: msg="{{{{ query('anchorage.pki.native_roots', view='pem') | length }}}}"
"""
    run = controller.play(tasks, hosts=4)
    assert messages(run) == ["2"] * 12
    assert len(re.findall(r"The native roots were not refreshed, the\s+former\s+ones\s+stay", run.errors)) == 1


def test_a_template_in_a_certificate_stays_text(controller: Controller) -> None:
    controller.roots.write_bytes(pem_of(TEMPLATE))
    run = controller.play("    - debug: msg=\"{{ query('anchorage.pki.native_roots').0.subject }}\"\n")
    assert messages(run) == ["CN={{ 7 * 7 }}"]


def test_a_bundle_lasts_as_long_as_the_run_and_is_for_its_user_alone(controller: Controller) -> None:
    task = """
    - command: stat -c '%a %s %n' {{ lookup('anchorage.pki.native_roots', view='bundle', select='[:1]') }}
      register: bundle
    - debug: msg="{{ bundle.stdout }}"
"""
    (told,) = messages(controller.play(task))
    mode, size, path = told.split()
    assert (mode, int(size)) == ("600", len(A))
    assert not Path(path).exists()


def test_a_bundle_tells_what_it_lacks(controller: Controller) -> None:
    controller.roots.write_bytes(A + block("CERTIFICATE", DAMAGED_WITHIN["an empty key"]))
    ask = "    - debug: msg=\"{{ lookup('file', lookup('anchorage.pki.native_roots', view='bundle'%s)) | length }}\"\n"
    run = controller.play(ask % "", hosts=2)
    assert messages(run) == [str(len(A.strip()))] * 2
    assert run.errors.count("The bundle lacks what OpenSSL cannot parse") == 1
    refused = controller.play(ask % ", strict=true")
    assert refused.status == 2
    assert "The bundle lacks what OpenSSL cannot parse" in refused.output


def test_a_wrong_use_is_told(controller: Controller) -> None:
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
