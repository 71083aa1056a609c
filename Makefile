# `make demo` and `make test` are the two commands; both set up what they need.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
PYTHON ?= $(shell for p in /usr/bin/python3 python3; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV   := .venv
PY     := $(VENV)/bin/python
APT    := user-mode-linux systemd dbus kmod iproute2 util-linux keepalived ipvsadm iptables nftables tcpdump \
          etcd-server etcd-client python3 python3-venv procps openssl
PREFIX ?= /usr/local

.PHONY: venv apt gen lock test demo bench lint clean install

venv: $(VENV)/.stamp

# The lock files are hashed; etcd3 is published as source only, hence its build tools come first.
$(VENV)/.stamp: requirements/build.txt requirements/runtime.txt requirements/dev.txt
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory apt
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements/build.txt
	$(PY) -m pip install -q --disable-pip-version-check --require-hashes --no-build-isolation -r requirements/runtime.txt -r requirements/dev.txt
	printf '%s\n%s\n' "$(CURDIR)" "$(CURDIR)/gen" > "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/vipkeeper.pth"
	printf '#!/bin/sh\nexec "%s/bin/python" -m cli "$$@"\n' "$(CURDIR)/$(VENV)" > $(VENV)/bin/vipctl
	chmod 755 $(VENV)/bin/vipctl
	touch $@

apt:
	@missing=""; for p in $(APT); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi

gen: venv
	$(PY) tools/generate.py

lock:
	cd requirements && for f in runtime dev build; do uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $$f.in -o $$f.txt; done

lint: venv
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

test: apt venv
	$(PY) -m pytest -q

demo: apt venv
	$(PY) -m tests.demo

bench: apt venv
	$(PY) -m tests.bench

clean:
	rm -rf $(VENV) .build .pytest_cache .mypy_cache .ruff_cache
