# Sluice.  One makefile; every directory is one static archive.
#
#   make                 build/sbin/slurmctld, slurmd, slurmstepd
#   make check           every test, stock clients included (see README)
#   make check-unit      unit tests only
#   make SAN=1 ...       address and undefined behaviour sanitizers
#   make install PREFIX= DESTDIR=

PREFIX  ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC      := gcc
endif
SAN     ?=
B       := build$(if $(SAN),-san)
SANFLAGS := -fsanitize=address -fsanitize=undefined -fno-omit-frame-pointer

PKGS    := libevent libevent_pthreads sqlite3 json-c nettle hwloc yaml-0.1
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla $(WERROR)
CPPFLAGS += -D_GNU_SOURCE -I. $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
ALLCFLAGS = -std=c11 $(WARN) $(CFLAGS) $(if $(SAN),$(SANFLAGS))
LDFLAGS += $(if $(SAN),$(SANFLAGS))
LIBS_AUTH := $(shell pkg-config --libs json-c nettle 2>/dev/null) -lmunge
LIBS_CTLD := $(shell pkg-config --libs libevent libevent_pthreads sqlite3 yaml-0.1 2>/dev/null) $(LIBS_AUTH) -lpthread -lm
LIBS_NODE := $(shell pkg-config --libs libevent libevent_pthreads hwloc yaml-0.1 2>/dev/null) $(LIBS_AUTH) -lutil -lpthread -lm -ldl
# One process a step: it starts faster without libraries it does not use.
LIBS_STEP := $(shell pkg-config --libs libevent 2>/dev/null) $(LIBS_AUTH) -lutil -lpthread -lm -ldl

src = $(wildcard $(1)/*.c)
obj = $(patsubst %.c,$(B)/%.o,$(call src,$(1)))

# A main() lives in a file called main.c and is left out of the archives.
MODULES := wire/base wire auth conf slurmctld/core slurmctld/core/sched slurmctld/rpc \
           slurmctld slurmd/core slurmd slurmd/stepd
lib = $(B)/$(subst /,_,$(1)).a
define module
$(call lib,$(1)): $(filter-out $(B)/$(1)/main.o,$(call obj,$(1)))
	@mkdir -p $$(@D); rm -f $$@; ar rcs $$@ $$^
endef

PROGS := $(B)/sbin/slurmctld $(B)/sbin/slurmd $(B)/sbin/slurmstepd
all: $(PROGS)

$(foreach m,$(MODULES),$(eval $(call module,$(m))))

L_BASE := $(call lib,wire/base)
L_WIRE := $(call lib,wire) $(L_BASE)
L_AUTH := $(call lib,auth) $(L_WIRE)
L_CONF := $(call lib,conf) $(L_AUTH)
L_CORE := $(call lib,slurmctld/core) $(call lib,slurmctld/core/sched)
L_CTLD := $(call lib,slurmctld) $(call lib,slurmctld/rpc) $(L_CORE) $(L_CONF)
L_NODE := $(call lib,slurmd) $(call lib,slurmd/core) $(L_CONF)
# the step manager decides as the controller does
L_STEP := $(call lib,slurmd/stepd) $(call lib,slurmd) $(call lib,slurmd/core) $(L_CORE) $(L_CONF)
L_ALL  := $(L_CTLD) $(call lib,slurmd/stepd) $(call lib,slurmd) $(call lib,slurmd/core)

$(B)/sbin/slurmctld: $(B)/slurmctld/main.o $(L_CTLD)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -rdynamic -o $@ $< -Wl,--start-group $(L_CTLD) -Wl,--end-group $(LIBS_CTLD)
$(B)/sbin/slurmd: $(B)/slurmd/main.o $(L_NODE)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -rdynamic -o $@ $< -Wl,--start-group $(L_NODE) -Wl,--end-group $(LIBS_NODE)
$(B)/sbin/slurmstepd: $(B)/slurmd/stepd/main.o $(L_STEP)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -rdynamic -o $@ $< -Wl,--start-group $(L_STEP) -Wl,--end-group $(LIBS_STEP)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALLCFLAGS) -MMD -MP -c -o $@ $<
$(B)/wire/%.o: WARN += -Wconversion
$(B)/slurmctld/core/%.o: WARN += -Wconversion

# Unit tests: <module>/test/t_*.c
TESTSRC := $(wildcard wire/base/test/t_*.c wire/test/t_*.c auth/test/t_*.c conf/test/t_*.c \
             slurmctld/core/test/t_*.c slurmctld/core/sched/test/t_*.c slurmctld/test/t_*.c \
             slurmctld/rpc/test/t_*.c slurmctld/sim/t_*.c slurmd/test/t_*.c slurmd/stepd/test/t_*.c slurmd/core/test/t_*.c)
TESTS := $(patsubst %.c,$(B)/%,$(TESTSRC))
SIMOBJ := $(filter-out $(B)/slurmctld/sim/t_% %/main.o,$(call obj,slurmctld/sim))
$(filter $(B)/slurmctld/sim/%,$(TESTS)): $(SIMOBJ)
$(TESTS): $(B)/%: $(B)/%.o $(L_ALL)
	$(CC) $(LDFLAGS) -rdynamic -o $@ $< $(if $(findstring slurmctld/sim,$<),$(SIMOBJ)) \
		-Wl,--start-group $(L_ALL) -Wl,--end-group $(sort $(LIBS_CTLD) $(LIBS_NODE))

# Bad frames over real connections: compat-tests/fuzz/run starts it.
FUZZ := $(B)/compat-tests/fuzz/fuzz
$(FUZZ): $(FUZZ).o $(L_AUTH)
	$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(L_AUTH) -Wl,--end-group $(LIBS_AUTH) -lpthread -lm

unit-programs: $(TESTS)
check-unit: $(TESTS)
	@compat-tests/run-tap $(TESTS)

install: $(PROGS)
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 755 $(PROGS) $(DESTDIR)$(PREFIX)/sbin/
	@for m in man/*.8 man/*.5; do [ -e $$m ] && install -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/ || :; done

clean:
	rm -rf build build-san

-include local.mk $(shell find $(B) -name '*.d' 2>/dev/null)
.PHONY: all unit-programs check-unit install clean
.SECONDARY:
