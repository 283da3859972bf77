# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# `make help` lists what there is. Everything is set up inside the checkout: .venv and build/.

PYTHON ?= python3
PORT ?= 8443
RUN = .venv/bin/python tests/run.py $(if $(ANSIBLE_CORE),--ansible-core=$(ANSIBLE_CORE)) $(if $(IMAGES),--images=$(IMAGES))

.PHONY: help venv test unit playbooks interoperability lint docs sanity molecule distribution core-foundation bench clean demo demo-serve demo-undo
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

venv: .venv/ready ## set up .venv with ansible-core, and the collection below build/collections

test: venv ## run every test and check; says what it installs, reports what it skips
	$(RUN)

unit: ## that part alone: the unit tests, on both ends of what is supported, or on ANSIBLE_CORE=2.20
playbooks: ## whole runs of ansible-playbook on this machine, on both ends as well
interoperability: ## what other TLS libraries say of certificates and staples
lint: ## ruff, mypy, shellcheck, actionlint, ansible-lint, reuse
docs: ## the documentation, as a site in build/site/html too, the changelog, the tarball, imported and installed
sanity: ## ansible-test sanity, on the oldest and on the newest ansible-core
molecule: ## whole hosts in containers; with IMAGES=real on distributions' own images, from their registries
distribution: ## a host on a distribution's own image, from a registry: ANCHORAGE_DISTRIBUTION=debian-13
core-foundation: ## what macOS says, by a double on Apple's own CoreFoundation, which Debian 13 has
unit playbooks interoperability lint docs sanity molecule distribution core-foundation: venv
	$(RUN) $@

bench: venv ## what a fleet costs, beside others, in an hour or less: OPTIONS="--help"
	@PYTHONPATH=tests .venv/bin/python -m benchmarks.fleet $(OPTIONS)

clean: ## remove .venv and build/
	rm -rf .venv build

.venv/ready: requirements.txt tests/prerequisites.sh
	@tests/prerequisites.sh $(PYTHON)
	@echo "Installing ansible-core and what the collection needs into .venv"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --quiet --upgrade --upgrade-strategy eager -r requirements.txt
	@mkdir -p build/collections/ansible_collections/anchorage
	@ln -sfn ../../../.. build/collections/ansible_collections/anchorage/pki
	@touch $@

demo: venv ## an authority of the demo's own, trusted by this machine, and a leaf, proved; at a screen, shown on PORT
	@exec .venv/bin/python demo/demo.py run "$(PORT)"

demo-serve: venv ## show a page with the demo's leaf and staple until Ctrl-C, on PORT (8443)
	@exec .venv/bin/python demo/demo.py serve "$(PORT)"

demo-undo: venv ## remove every trace of the demo, and prove it
	@exec .venv/bin/python demo/demo.py undo
