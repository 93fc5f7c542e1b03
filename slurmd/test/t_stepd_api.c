/* SPDX-License-Identifier: Apache-2.0
 *
 * Socket names there and back; a question and its answer over a real socket. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "slurmd/stepd_api.h"
#include "wire/base/tap.h"

static void names(void)
{
	uint32_t job, step, het;
	char path[256];

	stepd_socket_path(path, sizeof path, "/s", "n1", 12, STEP_BATCH, NO_VAL);
	ok(streq(path, "/s/n1_12.4294967291"), "batch step");
	stepd_socket_path(path, sizeof path, "/s", "n1", 12, 0, 1);
	ok(streq(path, "/s/n1_12.0.1"), "het component");
	ok(stepd_socket_parse("n1_12.4294967291", "n1", &job, &step, &het) && job == 12 &&
	   step == STEP_BATCH && het == NO_VAL, "read back");
	ok(stepd_socket_parse("n1_12.0.1", "n1", &job, &step, &het) && step == 0 && het == 1,
	   "with component");
	ok(!stepd_socket_parse("n10_12.0", "n1", &job, &step, &het), "another node");
	ok(!stepd_socket_parse("n1_12", "n1", &job, &step, &het), "no step");
	ok(!stepd_socket_parse("n1_12.0x", "n1", &job, &step, &het), "garbage behind");
	ok(!stepd_socket_parse("n1_99999999999.0", "n1", &job, &step, &het), "too large");
	ok(!stepd_socket_parse("n1_012.0", "n1", &job, &step, &het), "one name a number");
}

static void *answerer(void *arg)
{
	int listener = *(int *)arg, fd = accept(listener, NULL, NULL);
	struct arena mem = { 0 };
	struct stepd_request q;
	struct stepd_reply r;
	uint32_t pids[] = { 5, 6, 7 };

	wire_init(&stepd_reply_desc, &r);
	if (stepd_recv(fd, &stepd_request_desc, &q, &mem, 2000) == E_OK && q.op == STEPD_PIDS) {
		r.pids = pids;
		r.pids_count = 3;
		r.why = q.text;
	}
	stepd_send(fd, &stepd_reply_desc, &r);
	close(fd);
	arena_fini(&mem);
	return NULL;
}

static void asking(void)
{
	char dir[] = "/tmp/stepd.XXXXXX", path[128];
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stepd_request q;
	struct stepd_reply r;
	struct arena mem = { 0 };
	pthread_t thread;
	int fd;

	if (!mkdtemp(dir))
		return;
	snprintf(path, sizeof path, "%s/n1_1.0", dir);
	strcpy(a.sun_path, path);
	wire_init(&stepd_request_desc, &q);
	q.op = STEPD_PIDS;
	q.text = "hello";
	ok(stepd_ask(path, &q, &r, &mem, 500) == E_D_JOB_NOTRUNNING, "nobody listens");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ok(bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 1) == 0, "listening");
	pthread_create(&thread, NULL, answerer, &fd);
	ok(stepd_ask(path, &q, &r, &mem, 2000) == E_OK && r.pids_count == 3 && r.pids[2] == 7 &&
	   streq(r.why, "hello"), "answered");
	pthread_join(thread, NULL);
	ok(stepd_ask(path, &q, &r, &mem, 50) == E_COMMUNICATIONS_READ_TIMEOUT, "too slow");
	close(fd);
	unlink(path);
	rmdir(dir);
	arena_fini(&mem);
}

int main(void)
{
	names();
	asking();
	return tap_done();
}
