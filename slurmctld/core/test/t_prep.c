/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs at the controller: PrologSlurmctld, EpilogSlurmctld, mail. */
#include "slurmctld/core/test/world.h"

static void begin(struct world *w, const char *lines)
{
	char text[2048];

	snprintf(text, sizeof(text), "%s%s", world_conf, lines);
	world_begin(w, text);
	register_all(w);
}

static const struct effect *ran(const struct world *w, enum run_kind kind)
{
	for (uint32_t i = 0; i < w->out.count; i++)
		if (w->out.v[i].kind == EFF_RUN && w->out.v[i].run_kind == kind)
			return &w->out.v[i];
	return NULL;
}

static void program_ends(struct world *w, enum run_kind kind, uint64_t run, uint32_t job_id,
			 int status)
{
	struct event ev = { .kind = EV_PROGRAM, .run_kind = kind, .run = run, .job_id = job_id,
			    .status = status };

	step(w, &ev);
}

static bool has(const struct effect *e, const char *variable)
{
	for (const char *const *v = e ? e->env : NULL; v && *v; v++)
		if (streq(*v, variable))
			return true;
	return false;
}

#define BOTH "PrologSlurmctld=/p1\nPrologSlurmctld=/p2\nEpilogSlurmctld=/e\n"

static void life(void)
{
	struct world w;
	const struct effect *e;
	struct job *j;
	uint64_t run;
	uint32_t id;

	begin(&w, BOTH);
	id = submit(&w, desc(&w, true));
	sched(&w);
	e = ran(&w, RUN_PROLOG);
	run = e ? e->run : 0;
	ok(run && streq(e->argv[0], "/p1") && has(e, "SLURM_JOB_NODELIST=c1") &&
	   has(e, "SLURM_SCRIPT_CONTEXT=prolog_slurmctld") &&
	   has(e, "SLURM_JOB_CPUS_PER_NODE=1"), "PrologSlurmctld with its environment");
	ok(state_of(&w, id) == (JOB_RUNNING | JOB_CONFIGURING) &&
	   !find_effect(&w, EFF_NODES, REQUEST_BATCH_JOB_LAUNCH), "CONFIGURING, nothing sent");
	tick(&w, 400);
	ok(state_of(&w, id) == (JOB_RUNNING | JOB_CONFIGURING), "its time has not begun");
	program_ends(&w, RUN_PROLOG, run, id, 0);
	ok(state_of(&w, id) == (JOB_RUNNING | JOB_CONFIGURING), "one of two is over");
	program_ends(&w, RUN_PROLOG, run + 7, id, 1 << 8);
	world_restart(&w);
	e = ran(&w, RUN_PROLOG);
	ok(e != NULL, "a restart begins again");
	run = e ? e->run : 0;
	program_ends(&w, RUN_PROLOG, run, id, 0);
	program_ends(&w, RUN_PROLOG, run, id, 0);
	j = job_find(w.c, id);
	ok(j->state == JOB_RUNNING && find_effect(&w, EFF_NODES, REQUEST_BATCH_JOB_LAUNCH) &&
	   j->end_time == w.now + 300, "then it runs, for all of its time");
	register_all(&w);
	batch_complete(&w, id, 2 << 8);
	e = ran(&w, RUN_EPILOG);
	run = e ? e->run : 0;
	ok(run && has(e, "SLURM_JOB_EXIT_CODE2=2:0"), "EpilogSlurmctld at the end");
	clean(&w, id);
	ok(state_of(&w, id) == (JOB_FAILED | JOB_COMPLETING) && base(&w, "c1") == NODE_STATE_IDLE,
	   "the node is free, the job still COMPLETING");
	world_restart(&w);
	e = ran(&w, RUN_EPILOG);
	ok(e != NULL, "a restart runs it again");
	program_ends(&w, RUN_EPILOG, e ? e->run : 0, id, 1 << 8);
	ok(state_of(&w, id) == JOB_FAILED, "it is over, whatever the program says");
	world_end(&w);
}

static void failures(void)
{
	struct world w;
	struct job_desc_msg *d;
	struct job_step_kill_msg kill = { .signal = 9 };
	uint64_t run;
	uint32_t id;

	begin(&w, "PrologSlurmctld=/p\n");
	id = submit(&w, desc(&w, true));
	sched(&w);
	run = ran(&w, RUN_PROLOG) ? ran(&w, RUN_PROLOG)->run : 0;
	program_ends(&w, RUN_PROLOG, run, id, 1 << 8);
	ok(state_of(&w, id) == JOB_PENDING && job_find(w.c, id)->restart_cnt == 1 &&
	   !find_effect(&w, EFF_NODES, REQUEST_TERMINATE_JOB), "requeued; no node is told");
	d = desc(&w, true);
	d->requeue = 0;
	id = submit(&w, d);
	sched(&w);
	run = ran(&w, RUN_PROLOG) ? ran(&w, RUN_PROLOG)->run : 0;
	program_ends(&w, RUN_PROLOG, run, id, 1 << 8);
	ok(state_of(&w, id) == JOB_CANCELLED, "or cancelled, when that is not wanted");
	id = submit(&w, desc(&w, true));
	sched(&w);
	run = ran(&w, RUN_PROLOG) ? ran(&w, RUN_PROLOG)->run : 0;
	kill.step_id.job_id = id;
	kill.step_id.step_id = NO_VAL;
	rpc_as(&w, 1000, REQUEST_KILL_JOB, &kill);
	ok(state_of(&w, id) == JOB_CANCELLED && find_effect(&w, EFF_RUN_KILL, 0) &&
	   base(&w, "c1") == NODE_STATE_IDLE, "cancelled meanwhile: the program is killed");
	program_ends(&w, RUN_PROLOG, run, id, 9);
	ok(state_of(&w, id) == JOB_CANCELLED, "its end does not matter then");
	world_end(&w);
}

static const char *subject(const struct world *w)
{
	const struct effect *e = ran(w, RUN_MAIL);

	return e ? e->argv[2] : "";
}

static void mail(void)
{
	struct world w;
	struct job_desc_msg *d;
	uint32_t id;

	begin(&w, "MailProg=/mail\n");
	d = desc(&w, true);
	d->mail_type = MAIL_BEGIN | MAIL_END | MAIL_FAIL | MAIL_TIME50 | MAIL_TIME90 | MAIL_REQUEUE;
	id = submit(&w, d);
	sched(&w);
	ok(streq(subject(&w), "Slurm Job_id=1 Name=job Began, Queued time 00:00:00"), "begin: %s",
	   subject(&w));
	ok(ran(&w, RUN_MAIL) && !ran(&w, RUN_MAIL)->argv[3] &&
	   ran(&w, RUN_MAIL)->env_uid == 1000, "to its owner");
	tick(&w, 149);
	ok(!ran(&w, RUN_MAIL), "not yet");
	tick(&w, 1);
	ok(strstr(subject(&w), "Reached 50% of time limit, Run time 00:02:30"), "half: %s",
	   subject(&w));
	tick(&w, 120);
	ok(strstr(subject(&w), "Reached 90% of time limit"), "nearly: %s", subject(&w));
	batch_complete(&w, id, 3 << 8);
	ok(streq(subject(&w),
		 "Slurm Job_id=1 Name=job Failed, Run time 00:04:30, FAILED, ExitCode 3"),
	   "failed: %s", subject(&w));
	clean(&w, id);
	d = desc(&w, true);
	d->mail_type = MAIL_BEGIN | MAIL_END;
	d->array_inx = "1-2";
	id = submit(&w, d);
	sched(&w);
	ok(strstr(subject(&w), "Slurm Array Summary Job_id=2_* (") != NULL, "an array: %s",
	   subject(&w));
	batch_complete(&w, id, 0);
	ok(!ran(&w, RUN_MAIL), "not for each of its tasks");
	batch_complete(&w, id + 1, 5 << 8);
	ok(strstr(subject(&w), "Ended, Mixed, ExitCode [0-5]"), "but for all: %s", subject(&w));
	world_end(&w);
}

int main(void)
{
	life();
	failures();
	mail();
	return tap_done();
}
