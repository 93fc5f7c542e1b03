# SPDX-License-Identifier: Apache-2.0
# Targets that use the daemons: tests against stock programs, and the demo.
#
#   make setup         packages and stock releases for the tests (root)
#   make check         every test: units, layers, and stock clients of three
#                      releases against our daemons
#   make check-stock   the same black-box tests against stock daemons
#   make check-mix     clients x controllers x node daemons of every release, in
#                      mixed clusters; writes docs/compatibility.md
#   make check-fuzz    bad frames of every message to both daemons: N messages
#                      (10,000,000), SEED=1; SAN=1 for sanitizers
#   make check-kill9   1,000 kill -9 of slurmctld under a submit load
#   make demo          a two-host cluster with our daemons; make demo-stop

setup:
	@compat-tests/setup-stock

check: all unit-programs $(FUZZ)
	@compat-tests/check --unit $(TESTS)

check-stock:
	@compat-tests/check --daemons=stock

check-mix: all
	@compat-tests/matrix

check-layers: all
	@compat-tests/run-tap compat-tests/check-layers

check-kill9: all
	@SLUICE_KILLS=1000 compat-tests/run-tap --timeout=14400 compat-tests/kill9

check-fuzz: all $(FUZZ)
	@SLUICE_BUILD=$(CURDIR)/$(B) nice compat-tests/fuzz/run --count $(or $(N),10000000) --seed $(or $(SEED),1)

demo:
	@contrib/demo start

demo-stop:
	@contrib/demo stop

.PHONY: setup check check-stock check-mix check-layers check-kill9 check-fuzz demo demo-stop
