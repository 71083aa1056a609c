# `make demo` and `make test` are the two commands; both set up what they need.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
PYTHON ?= $(shell for p in /usr/bin/python3 python3; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV   := .venv
PY     := $(VENV)/bin/python
APT    := user-mode-linux systemd dbus kmod iproute2 util-linux keepalived ipvsadm iptables nftables tcpdump \
          etcd-server etcd-client python3 python3-venv procps openssl frr gcc libc6-dev libpcre2-8-0
# 1.9.2 and 1.9.3 take the path after -unix for HOST:PORT.
GRPCURL := github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
BUF     := @bufbuild/buf@1.75.0
PREFIX ?= /usr/local
LIB    := $(PREFIX)/lib/vipkeeper
ETC    ?= /etc

.PHONY: venv apt tools compiled gen lock test simulate demo bench lint clean install install-files activate uninstall

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

# grpcurl where no package has it, and buf beside it: for the tests that call the services as an operator would.
tools:
	@mkdir -p .build/bin
	@if [ ! -x .build/bin/grpcurl ] && ! command -v grpcurl >/dev/null && command -v go >/dev/null; then \
	  GOBIN="$(CURDIR)/.build/bin" go install $(GRPCURL) || echo "make: grpcurl could not be built; what needs it will say so" >&2; fi
	@if [ ! -x .build/node_modules/.bin/buf ] && ! command -v buf >/dev/null && command -v npm >/dev/null; then \
	  npm install --silent --no-fund --no-audit --prefix .build $(BUF) || echo "make: buf could not be installed" >&2; fi

gen: venv
	$(PY) tools/generate.py && $(PY) tools/keys_doc.py

lock:
	cd requirements && for f in runtime dev build; do uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $$f.in -o $$f.txt; done

lint: venv
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

# Guests and namespaces start dozens of processes; none compiles a source again, also where PYTHONDONTWRITEBYTECODE is set.
compiled: venv
	@$(PY) -m compileall -q services cli gen tests

# Most tests wait for timers, so several run at once. A file's tests stay together: each file has one guest.
WORKERS ?= 2
test: apt compiled tools
	$(PY) -m pytest -q -n $(WORKERS) --dist loadfile

# Clusters through random accidents for as many simulated hours; `make test` does a hundred thousand. SEED= plays one again.
HOURS ?= 1000000
SEED ?=
simulate: compiled
	SIMULATION_HOURS=$(HOURS) SIMULATION_SEED=$(SEED) $(PY) -m tests.simulation

demo: apt compiled
	$(PY) -m tests.demo

bench: apt compiled
	$(PY) -m tests.bench

# PREFIX=/usr/local, DESTDIR= for packages. The venv of the installation holds the locked runtime packages alone.
install: install-files
	@if [ -z "$(DESTDIR)" ]; then $(MAKE) --no-print-directory activate; fi

install-files:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory apt
	install -d "$(DESTDIR)$(LIB)" "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(ETC)/vipkeeper"
	@cmp -s requirements/runtime.txt "$(DESTDIR)$(LIB)/.venv/.locked" || { set -e; v="$(DESTDIR)$(LIB)/.venv"; rm -rf "$$v"; \
	  $(PYTHON) -m venv "$$v"; \
	  "$$v/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r requirements/build.txt; \
	  "$$v/bin/python" -m pip install -q --disable-pip-version-check --require-hashes --no-build-isolation -r requirements/runtime.txt; \
	  printf '%s\n%s\n' "$(LIB)" "$(LIB)/gen" > "$$("$$v/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/vipkeeper.pth"; \
	  cp requirements/runtime.txt "$$v/.locked"; }
	cd "$(DESTDIR)$(LIB)" && rm -rf services cli gen
	tar -c --exclude=__pycache__ services cli gen | tar -x -C "$(DESTDIR)$(LIB)" --no-same-owner
	"$(DESTDIR)$(LIB)/.venv/bin/python" -m compileall -q -s "$(DESTDIR)" "$(DESTDIR)$(LIB)"/services "$(DESTDIR)$(LIB)"/cli "$(DESTDIR)$(LIB)"/gen
	printf '#!/bin/sh\nexec "%s/.venv/bin/python" -P -m cli "$$@"\n' "$(LIB)" > "$(DESTDIR)$(PREFIX)/bin/vipctl"
	chmod 755 "$(DESTDIR)$(PREFIX)/bin/vipctl"
	install -d "$(DESTDIR)$(PREFIX)/lib/systemd/system" "$(DESTDIR)$(PREFIX)/share/doc/vipkeeper"
	for u in deploy/systemd/*; do sed 's|/usr/local|$(PREFIX)|g' "$$u" > "$(DESTDIR)$(PREFIX)/lib/systemd/system/$${u##*/}"; done
	for d in sysusers.d tmpfiles.d sysctl.d modules-load.d; do install -D -m 644 -t "$(DESTDIR)$(PREFIX)/lib/$$d" deploy/$$d/*; done
	@[ -e "$(DESTDIR)$(ETC)/vipkeeper/vipkeeper.env" ] || install -m 644 deploy/vipkeeper.env "$(DESTDIR)$(ETC)/vipkeeper/vipkeeper.env"
	install -m 644 -t "$(DESTDIR)$(PREFIX)/share/doc/vipkeeper" *.md LICENSE docs/*.md

# Users, the sockets' folder, kernel settings; what a package's scripts would do.
activate:
	systemd-sysusers $(PREFIX)/lib/sysusers.d/vipkeeper.conf
	systemd-tmpfiles --create $(PREFIX)/lib/tmpfiles.d/vipkeeper.conf
	@modprobe -q ip_vs || echo 'make: this kernel has no IPVS; all but the balancing will work' >&2
	sysctl -q -e -p $(PREFIX)/lib/sysctl.d/60-vipkeeper.conf
	@if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
	@echo 'installed; settings: $(ETC)/vipkeeper/vipkeeper.env; start: systemctl enable --now vipkeeper.target'

# Configuration and state ($(ETC)/vipkeeper, /var/lib/vipkeeper) stay.
uninstall:
	@if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then systemctl disable --now vipkeeper.target; fi
	rm -rf "$(DESTDIR)$(LIB)" "$(DESTDIR)$(PREFIX)/share/doc/vipkeeper"
	rm -f "$(DESTDIR)$(PREFIX)/bin/vipctl" "$(DESTDIR)$(PREFIX)"/lib/{sysusers.d,tmpfiles.d,modules-load.d}/vipkeeper.conf \
	  "$(DESTDIR)$(PREFIX)/lib/sysctl.d/60-vipkeeper.conf" "$(DESTDIR)$(PREFIX)/lib/systemd/system/vipkeeper.target" \
	  "$(DESTDIR)$(PREFIX)"/lib/systemd/system/vipkeeper-{vrrp,checker,ipvs,notify}.service
	@if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi

clean:
	rm -rf $(VENV) .build .pytest_cache .mypy_cache .ruff_cache
