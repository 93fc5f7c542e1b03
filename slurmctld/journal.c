/* SPDX-License-Identifier: Apache-2.0
 *
 * Durable rows.  The main thread hands over lists of core steps; this thread
 * writes their records in one transaction (WAL, synchronous=FULL) and says so.
 * A disk that cannot take them is tried again until it can: what was not
 * written is never reported as written.
 *
 * After journal_load, the database belongs to this thread alone. */
#include "slurmctld/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "slurmctld/journal_store.h"
#include "slurmctld/lease.h"
#include "slurmctld/scripts.h"
#include "slurmctld/steps.h"
#include "wire/base/log.h"

#define WAL_SOFT (4 << 20)      /* checkpoint when idle */
#define WAL_HARD (16 << 20)     /* ... and when not */
#define RETRY_MSEC 500
#define CLOSE_TRIES 6
#define STUCK_TRIES 3           /* then new work is refused */
#define COMPLAIN_SEC 30
#define BEAT_MAX_SEC 30

enum op_kind { OP_WRITE, OP_SCRIPT, OP_CLOSE };

struct op {
	struct work work;               /* for the way back */
	enum op_kind kind;
	struct op *next;
	struct journal *home;
	struct step_out *first;
	void (*done)(void *arg);
	uint32_t job_id;
	void (*script_done)(void *arg, struct job_script *s);
	struct job_script *script;
	void *arg;
};

struct journal {
	struct mailbox *mail;
	struct ctld *ctld;              /* main thread */
	struct lease *lease;
	int64_t beat_usec;              /* under lock; 0: nobody watches */
	int64_t beat_at;                /* under lock */
	bool lost;                      /* this thread's */
	struct store *store;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct op *first, **last;
	bool closing;                   /* under lock */
	int64_t complained;
	atomic_bool stuck;
};

/* ---- the thread -------------------------------------------------------- */

static void pause_msec(int msec)
{
	struct timespec t = { msec / 1000, msec % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static bool is_closing(struct journal *j)
{
	bool yes;

	pthread_mutex_lock(&j->lock);
	yes = j->closing;
	pthread_mutex_unlock(&j->lock);
	return yes;
}

static void complain(struct journal *j, const struct err_text *why)
{
	int64_t now = clock_mono_usec() / 1000000;

	if (j->complained && now - j->complained < COMPLAIN_SEC)
		return;
	j->complained = now;
	log_error("cannot write state: %s; requests wait until it can be written", why->text);
}

/* The lease is another's: from here on nothing is written nor reported as
 * written, whatever the file system does about locks. */
struct lost_work {
	struct work work;               /* first member */
	struct journal *home;
};

static void lost_done(struct work *w)
{
	ctld_lost(((struct lost_work *)w)->home->ctld);
	free(w);
}

static void lose(struct journal *j, const struct err_text *why)
{
	struct lost_work *l = mem_zalloc(sizeof *l);

	log_error("%s: another slurmctld writes here now, giving up control without writing",
		  why->text);
	j->lost = true;
	l->work.done = lost_done;
	l->home = j;
	mailbox_post(j->mail, &l->work);
}

static bool may_write(struct journal *j)
{
	struct err_text why = { "" };

	if (!j->lost && lease_check(j->lease, &why))
		lose(j, &why);
	return !j->lost;
}

static void beat(struct journal *j)
{
	struct err_text why = { "" };

	if (may_write(j) && lease_beat(j->lease, &why))
		complain(j, &why);
}

static enum err write_steps(struct store *st, const struct step_out *o, struct err_text *why)
{
	enum err e = store_begin(st, why);

	for (; o && !e; o = o->next)
		for (uint32_t i = 0; i < o->eff.count && !e; i++)
			e = store_effect(st, &o->eff.v[i], why);
	if (!e)
		e = store_commit(st, why);
	if (e)
		store_rollback(st);
	return e;
}

static void do_write(struct journal *j, struct op *op)
{
	struct err_text why = { "" };
	int tries = 0, closing = 0;

	if (!may_write(j))
		return;
	while (write_steps(j->store, op->first, &why)) {
		complain(j, &why);
		if (++tries > STUCK_TRIES)
			atomic_store(&j->stuck, true);
		if (is_closing(j) && ++closing > CLOSE_TRIES) {
			log_error("giving up writing state: unanswered requests are lost");
			return;         /* not reported as done */
		}
		pause_msec(RETRY_MSEC);
		if (!may_write(j))
			return;
	}
	if (j->complained)
		log_info("state can be written again");
	atomic_store(&j->stuck, false);
	j->complained = 0;
	mailbox_post(j->mail, &op->work);
}

static bool beat_due(const struct journal *j)
{
	return j->beat_usec && clock_mono_usec() >= j->beat_at;
}

/* Under the lock: until there is something to write or the lease to be renewed. */
static void wait_for_work(struct journal *j)
{
	struct timespec t = { j->beat_at / 1000000, j->beat_at % 1000000 * 1000 };

	if (j->beat_usec)
		pthread_cond_clockwait(&j->wake, &j->lock, CLOCK_MONOTONIC, &t);
	else
		pthread_cond_wait(&j->wake, &j->lock);
}

/* May be NULL when the lease is due. */
static struct op *take_op(struct journal *j, bool *due)
{
	struct op *op;

	pthread_mutex_lock(&j->lock);
	if (!j->first && store_wal_bytes(j->store) > WAL_SOFT) {
		pthread_mutex_unlock(&j->lock);
		store_tidy(j->store);
		pthread_mutex_lock(&j->lock);
	}
	while (!j->first && !beat_due(j))
		wait_for_work(j);
	*due = beat_due(j);
	if (*due)
		j->beat_at = clock_mono_usec() + j->beat_usec;
	op = j->first;
	if (op)
		j->first = op->next;
	if (!j->first)
		j->last = &j->first;
	pthread_mutex_unlock(&j->lock);
	return op;
}

static void *journal_main(void *arg)
{
	struct journal *j = arg;

	for (;;) {
		bool due;
		struct op *op = take_op(j, &due);

		if (due)
			beat(j);
		if (!op)
			continue;
		switch (op->kind) {
		case OP_WRITE:
			do_write(j, op);
			if (store_wal_bytes(j->store) > WAL_HARD)
				store_tidy(j->store);
			break;
		case OP_SCRIPT:
			op->script = store_script(j->store, op->job_id);
			mailbox_post(j->mail, &op->work);
			break;
		case OP_CLOSE:
			free(op);
			return NULL;
		}
	}
}

/* ---- from the main thread ---------------------------------------------- */

static void op_back(struct work *w)
{
	struct op *op = (struct op *)w;

	if (op->kind == OP_WRITE)
		op->done(op->arg);
	else
		op->script_done(op->arg, op->script);
	free(op);
}

static void submit(struct journal *j, struct op *op)
{
	op->work.done = op_back;
	op->home = j;
	pthread_mutex_lock(&j->lock);
	*j->last = op;
	j->last = &op->next;
	pthread_mutex_unlock(&j->lock);
	pthread_cond_signal(&j->wake);
}

void journal_write(struct journal *j, struct step_out *first, void (*done)(void *), void *arg)
{
	struct op *op = mem_zalloc(sizeof *op);

	op->kind = OP_WRITE;
	op->first = first;
	op->done = done;
	op->arg = arg;
	submit(j, op);
}

void journal_script(struct journal *j, uint32_t job_id,
		    void (*done)(void *arg, struct job_script *s), void *arg)
{
	struct op *op = mem_zalloc(sizeof *op);

	op->kind = OP_SCRIPT;
	op->job_id = job_id;
	op->script_done = done;
	op->arg = arg;
	submit(j, op);
}

enum err journal_open(struct ctld *c, const char *dir, bool fresh, struct journal **out,
		      struct err_text *why)
{
	struct journal *j = mem_zalloc(sizeof *j);
	enum err e;

	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->wake, NULL);
	j->last = &j->first;
	j->mail = c->home;
	j->ctld = c;
	j->lease = c->lease;
	e = store_open(dir, fresh, &j->store, why);
	if (e) {
		free(j);
		return e;
	}
	*out = j;
	return E_OK;
}

enum err journal_load(struct journal *j, struct core *core, bool ignore, struct err_text *why)
{
	enum err e = store_load(j->store, core, ignore, why);
	int rc;

	if (e)
		return e;
	rc = thread_start(&j->thread, "ctld-journal", journal_main, j);
	if (rc)
		return err_set(why, E_FAIL, "cannot start a thread: %s", strerror(rc));
	j->running = true;
	return E_OK;
}

bool journal_stuck(const struct journal *j)
{
	return j && atomic_load(&j->stuck);
}

void journal_beat_every(struct journal *j, int64_t sec)
{
	if (sec > BEAT_MAX_SEC)
		sec = BEAT_MAX_SEC;
	pthread_mutex_lock(&j->lock);
	j->beat_usec = (sec < 1 ? 1 : sec) * INT64_C(1000000);
	j->beat_at = clock_mono_usec() + j->beat_usec;
	pthread_mutex_unlock(&j->lock);
	pthread_cond_signal(&j->wake);
}

static void finish(struct journal *j, bool abandon)
{
	struct op *op;

	if (!j)
		return;
	if (j->running) {
		pthread_mutex_lock(&j->lock);
		j->closing = true;
		pthread_mutex_unlock(&j->lock);
		op = mem_zalloc(sizeof *op);
		op->kind = OP_CLOSE;
		submit(j, op);
		pthread_join(j->thread, NULL);
	}
	if (abandon)
		store_abandon(j->store);
	else
		store_close(j->store);
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->wake);
	free(j);
}

void journal_close(struct journal *j)
{
	finish(j, false);
}

void journal_abandon(struct journal *j)
{
	finish(j, true);
}
