# SPDX-License-Identifier: Apache-2.0
# Targets that use the daemons: tests against stock programs, and the demo.
#
#   make setup         packages and stock releases for the tests (root)
#   make check         every test: units, layers, and stock clients of three
#                      releases against our daemons
#   make check-stock   the same black-box tests against stock daemons
#   make check-mix     clients x controllers x node daemons of every release, in
#                      mixed clusters; writes docs/compatibility.md
#   make check-kill9   1,000 kill -9 of slurmctld under a submit load
#   make demo          a two-host cluster with our daemons; make demo-stop

setup:
	@compat-tests/setup-stock

check: all unit-programs
	@compat-tests/check --unit $(TESTS)

check-stock:
	@compat-tests/check --daemons=stock

check-mix: all
	@compat-tests/matrix

check-layers: all
	@compat-tests/run-tap compat-tests/check-layers

check-kill9: all
	@SLUICE_KILLS=1000 compat-tests/run-tap --timeout=14400 compat-tests/kill9

demo:
	@contrib/demo start

demo-stop:
	@contrib/demo stop

.PHONY: setup check check-stock check-mix check-layers check-kill9 demo demo-stop
