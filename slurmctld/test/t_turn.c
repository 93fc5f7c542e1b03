/* SPDX-License-Identifier: Apache-2.0
 *
 * Several controllers: whose turn it is, and the lease that only one has. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "slurmctld/lease.h"
#include "slurmctld/turn.h"
#include "wire/base/tap.h"
#include "wire/messages.h"

static char dir[] = "/tmp/sluice-lease-XXXXXX";

static void places(void)
{
	char *hosts[] = { "ctl1", "ctl2.example.org", "ctl3" };
	char *either[] = { "ha1,ha2" };

	ok(turn_index(hosts, 3, "ctl1", "ctl1.example.org") == 0, "the primary");
	ok(turn_index(hosts, 3, "ctl2", "ctl2.example.org") == 1, "by its long name");
	ok(turn_index(hosts, 3, "ctl", "ctl") == -1, "not by a part of a name");
	ok(turn_index(either, 1, "ha2", "ha2") == 0, "one address that moves: either host");
	ok(turn_index(either, 1, "ha", "a2") == -1, "but no other");
}

static void waiting(void)
{
	struct turn t;

	turn_start(&t, 1, 3, 9, 100);
	ok(turn_look_due(&t, 100), "a standby asks at once");
	t.looked = 100;
	ok(!turn_look_due(&t, 102) && turn_look_due(&t, 103), "then every third of the time");
	ok(!turn_take_due(&t, 0), "it does not take over at the start");
	t.missed = 109;
	ok(!turn_take_due(&t, 0), "nor after exactly the time-out");
	t.missed = 110;
	ok(turn_take_due(&t, 0), "but after it");
	ok(!turn_take_due(&t, 105), "a lease that is renewed is as good as an answer");
	t.heard = 108;
	ok(!turn_take_due(&t, 0), "and an answer begins it anew");
	t.asked = true;
	ok(turn_take_due(&t, 0), "scontrol takeover does not wait");
	turn_start(&t, 0, 2, 300, 5);
	ok(turn_take_due(&t, 5), "nor does the primary");
}

static void wishes(void)
{
	struct turn t;

	turn_start(&t, 1, 3, 9, 0);
	ok(turn_wish(&t, 0) == WISH_NOTHING, "a silent primary is not asked");
	ok(turn_wish(&t, 1) == WISH_NOTHING && turn_wish(&t, 2) == WISH_CONTROL,
	   "those behind are asked for control");
	t.asked = true;
	ok(turn_wish(&t, 0) == WISH_END, "scontrol takeover ends those before");
	turn_start(&t, 0, 3, 9, 0);
	ok(turn_wish(&t, 1) == WISH_CONTROL && turn_wish(&t, 2) == WISH_CONTROL,
	   "the primary asks all for control");
}

static void answers(void)
{
	static const struct {
		uint16_t type;
		bool admin;
		enum turn_act act;
		enum err code;
	} row[] = {
		{ REQUEST_PING, false, TURN_ANSWER, E_OK },
		{ REQUEST_CONTROL_STATUS, false, TURN_STATUS, E_OK },
		{ REQUEST_CONFIG, false, TURN_ANSWER, E_IN_STANDBY_USE_BACKUP },
		{ REQUEST_CONTROL, true, TURN_ANSWER, E_DISABLED },
		{ REQUEST_CONTROL, false, TURN_ANSWER, E_IN_STANDBY_MODE },
		{ REQUEST_TAKEOVER, true, TURN_TAKE, E_OK },
		{ REQUEST_TAKEOVER, false, TURN_ANSWER, E_IN_STANDBY_MODE },
		{ REQUEST_SHUTDOWN, true, TURN_END, E_OK },
		{ REQUEST_SHUTDOWN, false, TURN_ANSWER, E_IN_STANDBY_MODE },
		{ REQUEST_SUBMIT_BATCH_JOB, true, TURN_ANSWER, E_IN_STANDBY_MODE },
	};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		enum err code;

		ok(turn_request(row[i].type, row[i].admin, &code) == row[i].act &&
		   code == row[i].code, "standby: %s%s", wire_type_name(row[i].type),
		   row[i].admin ? " of an administrator" : "");
	}
}

static void texts(void)
{
	struct lease_text t = { .host = "ctl1", .index = 2, .pid = 77, .taken = 5, .beat = 9,
				.held = true }, u;
	char text[LEASE_BYTES + 1] = "";

	lease_print(&t, text);
	ok(lease_parse(text, &u) && !memcmp(&t, &u, sizeof t), "the lease's text and back");
	ok(!lease_parse("", &u) && !lease_parse("heartbeat", &u), "other texts are none");
}

static void judging(void)
{
	struct lease_seen s = { 0 };
	struct lease_text t = { .host = "ctl1", .held = true };

	ok(lease_judge(&s, false, "ctl2", 3, 0) == LEASE_HELD, "no lock, no lease");
	ok(lease_judge(&s, true, "ctl2", 3, 0) == LEASE_OURS, "a new one is free");
	lease_seen_note(&s, &t, 10);
	ok(lease_judge(&s, true, "ctl1", 3, 10) == LEASE_OURS, "the kernel's word counts on one host");
	ok(lease_judge(&s, true, "ctl2", 3, 12) == LEASE_WATCH, "another host is watched");
	ok(lease_judge(&s, true, "ctl2", 3, 13) == LEASE_OURS, "but not for ever");
	t.beat++;
	lease_seen_note(&s, &t, 13);
	ok(lease_judge(&s, true, "ctl2", 3, 14) == LEASE_WATCH, "while it counts, it lives");
	t.held = false;
	lease_seen_note(&s, &t, 15);
	ok(lease_judge(&s, true, "ctl2", 3, 15) == LEASE_OURS, "what was given back is free");
}

static void taking(void)
{
	struct err_text why = { "" };
	struct lease *a, *b;
	int fd;

	ok(!lease_open(dir, "ctl1", 0, &a, &why) && !lease_open(dir, "ctl2", 1, &b, &why),
	   "two controllers %s", why.text);
	ok(lease_take(a, 3, 0) == LEASE_OURS, "one has the lease");
	ok(lease_take(b, 3, 0) == LEASE_HELD && lease_take(b, 3, 100) == LEASE_HELD,
	   "the other never");
	ok(strcmp(lease_seen(b)->last.host, "ctl1") == 0, "and knows who has it");
	ok(!lease_check(a, &why) && !lease_beat(a, &why) && !lease_check(a, &why),
	   "it may write, and counts");
	ok(lease_look(b, 200) && lease_seen(b)->last.beat == 1 &&
	   lease_seen(b)->changed_at == 200, "which is seen");
	lease_close(a);
	ok(lease_take(b, 3, 201) == LEASE_OURS, "given back, it is the other's at once");
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	ok(!unlinkat(fd, "lease", 0) && lease_check(b, &why), "removed: %s", why.text);
	lease_close(b);
	close(fd);
}

/* Its holder dies without a word. */
static void dying(void)
{
	struct err_text why = { "" };
	struct lease *b;
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct lease *a;

		_exit(!(!lease_open(dir, "ctl1", 0, &a, &why) &&
			lease_take(a, 3, 0) == LEASE_OURS));
	}
	waitpid(pid, &status, 0);
	ok(!status, "a controller has the lease and is killed");
	ok(!lease_open(dir, "ctl2", 1, &b, &why) && lease_take(b, 3, 50) == LEASE_WATCH,
	   "another has the lock, and watches");
	ok(lease_check(b, &why), "before it may write: %s", why.text);
	ok(lease_take(b, 3, 52) == LEASE_WATCH && lease_take(b, 3, 53) == LEASE_OURS,
	   "then takes over");
	lease_close(b);
}

/* A file system that gives its lock to everybody. */
static void lockless(void)
{
	struct lease_text t = { .host = "ctl1", .pid = 7, .held = true };
	struct err_text why = { "" };
	char path[256], text[LEASE_BYTES];
	struct lease *b;
	int fd;

	snprintf(path, sizeof path, "%s/lease", dir);
	fd = open(path, O_RDWR);
	lease_print(&t, text);
	ok(pwrite(fd, text, sizeof text, 0) == (ssize_t)sizeof text, "a lease without its lock");
	ok(!lease_open(dir, "ctl2", 1, &b, &why) && lease_take(b, 3, 0) == LEASE_WATCH,
	   "its lock can be had");
	t.beat++;
	lease_print(&t, text);
	ok(pwrite(fd, text, sizeof text, 0) == (ssize_t)sizeof text &&
	   lease_take(b, 3, 2) == LEASE_BROKEN, "but its holder counts: it is not taken");
	ok(lease_take(b, 3, 3) == LEASE_WATCH && lease_take(b, 3, 5) == LEASE_OURS,
	   "until it stops");
	ok(!lease_check(b, &why), "then it is ours");
	t.beat++;
	lease_print(&t, text);
	ok(pwrite(fd, text, sizeof text, 0) == (ssize_t)sizeof text && lease_check(b, &why),
	   "and lost when the other comes back: %s", why.text);
	lease_close(b);
	close(fd);
	unlink(path);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	places();
	waiting();
	wishes();
	answers();
	texts();
	judging();
	taking();
	dying();
	lockless();
	rmdir(dir);
	return tap_done();
}
