/* SPDX-License-Identifier: Apache-2.0
 *
 * The reporter threads.  A message to the controller is tried until it is
 * taken, at last every minute; others wait their turn meanwhile but are not held up
 * by it: a failed message goes to the end of the queue with a time. */
#include "slurmd/stepd/report.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "slurmd/stepd/acct.h"
#include "wire/base/log.h"

#define PARENT_TRIES   9         /* within five seconds */
#define CTLD_WAIT_SEC  60       /* at most, between two tries */
#define MANAGER_TRIES  8        /* in about four minutes */
#define AUTH_WAIT_SEC 300      /* how long a peer's message waits for a credential */

struct message {
	struct message *next;
	struct arena mem;               /* owns body */
	uint16_t type;
	const void *body;
	bool to_ctld;
	struct wire_addr addr;          /* else where to; family 0: parent only */
	enum wire_version version;
	uid_t uid;
	const char *parent_host;        /* try this one first; NULL none */
	uint16_t parent_port;
	const char *manager_host;       /* the job's step manager, in the controller's place */
	uint16_t manager_port;
	struct step_complete_msg *complete;     /* body, when it is one */
	uint32_t tries;                 /* failures so far */
	time_t not_before;
};

/* One queue and its thread.  srun must not wait for the controller, nor the
 * other way round. */
struct lane {
	struct reporter *r;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;           /* protects head, stop */
	pthread_cond_t wake;
	struct message *head;
	bool stop;
};

struct reporter {
	struct step *step;              /* main thread only */
	void (*idle)(struct step *s);
	struct event *ev;
	int fd;
	struct lane peers, ctld_lane;
	atomic_uint pending;
	atomic_bool job_over;           /* a step manager needs to know nothing more */
	/* constant for the thread */
	struct auth *auth;
	struct rpc_ctld ctld;
	int timeout_ms;
	uid_t slurmd_uid;
	uint32_t nodes;
};

static void message_free(struct message *m)
{
	arena_fini(&m->mem);
	free(m);
}

static void message_queue(struct lane *r, struct message *m)
{
	struct message **p = &r->head;

	m->next = NULL;
	pthread_mutex_lock(&r->lock);
	while (*p)
		p = &(*p)->next;
	*p = m;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

/* The first message whose time has come; waits.  NULL: stop. */
static struct message *message_take(struct lane *r)
{
	struct message *m = NULL;

	pthread_mutex_lock(&r->lock);
	while (!r->stop && !m) {
		time_t now = time(NULL), next = 0;

		for (struct message **p = &r->head; *p; p = &(*p)->next) {
			if ((*p)->not_before <= now) {
				m = *p;
				*p = m->next;
				break;
			}
			if (!next || (*p)->not_before < next)
				next = (*p)->not_before;
		}
		if (!m && next) {
			struct timespec until = { .tv_sec = next };

			pthread_cond_timedwait(&r->wake, &r->lock, &until);
		} else if (!m) {
			pthread_cond_wait(&r->wake, &r->lock);
		}
	}
	pthread_mutex_unlock(&r->lock);
	return m;
}

static enum err send_once(struct reporter *r, const struct wire_addr *a,
			  enum wire_version v, uid_t uid, const struct message *m)
{
	struct rpc_reply reply = {0};
	struct err_text why = {""};
	enum err e = rpc_call(r->auth, a, v, uid, m->type, m->body, r->timeout_ms, &reply,
			      &why);

	if (e == E_OK) {
		e = rpc_reply_code(&reply);
		rpc_reply_fini(&reply);
	}
	if (e != E_OK)
		log_debug("%s not delivered: %s", wire_type_name(m->type),
			  why.text[0] ? why.text : err_str(e));
	return e;
}

static void send_peer(struct reporter *r, const struct message *m)
{
	time_t end = time(NULL) + AUTH_WAIT_SEC;
	uint32_t tries = r->nodes / 1024 + 5;
	useconds_t delay = 100000;
	enum err e;

	for (uint32_t i = 1;; i++) {
		e = send_once(r, &m->addr, m->version, m->uid, m);
		if (e == E_OK)
			return;
		if (i >= tries && (e != E_PROTOCOL_AUTHENTICATION_ERROR || time(NULL) >= end))
			break;
		usleep(delay);
		if (delay < 800000)
			delay *= 2;
	}
	log_error("Failed to send %s", wire_type_name(m->type));
}

static bool send_parent(struct reporter *r, const struct message *m)
{
	struct wire_addr a;

	if (rpc_resolve(m->parent_host, m->parent_port, &a) != E_OK)
		return false;
	for (int i = 0; i < PARENT_TRIES; i++) {
		/* The parent may just not have started yet: soon at first. */
		if (i)
			usleep(i < 5 ? 50000u << (i - 1) : 1000000u);
		if (send_once(r, &a, m->version, r->slurmd_uid, m) == E_OK)
			return true;
	}
	return false;
}

/* Soon at first, as a controller that restarts is back in a second; not all
 * nodes in the same second. */
static time_t ctld_wait(uint32_t tries)
{
	time_t wait = tries < 7 ? 1 << (tries - 1) : CTLD_WAIT_SEC;

	return wait + (wait > 8 ? getpid() % (wait / 4) : 0);
}

/* To the slurmd of the job's first node.  A job whose step manager is gone has
 * ended, or will: nobody else wants to know. */
static bool send_manager(struct reporter *r, struct message *m)
{
	enum err e;

	m->complete->send_to_stepmgr = true;
	e = rpc_resolve(m->manager_host, m->manager_port, &m->addr);
	if (!e)
		e = send_once(r, &m->addr, m->version, r->slurmd_uid, m);
	if (!e || e == E_INVALID_JOB_ID || e == E_ALREADY_DONE || ++m->tries >= MANAGER_TRIES ||
	    atomic_load(&r->job_over)) {
		if (e)
			log_verbose("%s to step manager %s: %s", wire_type_name(m->type),
				    m->manager_host, err_str((int)e));
		return true;
	}
	m->not_before = time(NULL) + ctld_wait(m->tries);
	return false;
}

/* False: try again later. */
static bool send_ctld(struct reporter *r, struct message *m)
{
	struct rpc_reply reply = {0};
	struct err_text why = {""};
	enum err e;

	if (m->parent_host) {
		if (send_parent(r, m))
			return true;
		m->parent_host = NULL;
	}
	if (m->manager_host)
		return send_manager(r, m);
	e = rpc_ctld_call(&r->ctld, m->type, m->body, &reply, &why);
	if (e != E_OK) {
		if (!m->tries++)
			log_error("cannot send %s to slurmctld, retrying: %s", wire_type_name(m->type), why.text[0] ? why.text : err_str(e));
		m->not_before = time(NULL) + ctld_wait(m->tries);
		return false;
	}
	e = rpc_reply_code(&reply);
	if (e != E_OK)
		log_debug("%s: %s", wire_type_name(m->type), err_str(e));
	if (m->tries)
		log_info("sent %s to slurmctld", wire_type_name(m->type));
	rpc_reply_fini(&reply);
	return true;
}

static void *lane_main(void *arg)
{
	struct lane *l = arg;
	struct reporter *r = l->r;
	struct message *m;

	while ((m = message_take(l))) {
		if (!m->to_ctld) {
			send_peer(r, m);
		} else if (!send_ctld(r, m)) {
			message_queue(l, m);
			continue;
		}
		message_free(m);
		if (atomic_fetch_sub(&r->pending, 1) == 1)
			(void)eventfd_write(r->fd, 1);
	}
	return NULL;
}

static void post(struct step *s, struct message *m)
{
	struct reporter *r = s->reporter;
	struct lane *l = m->to_ctld ? &r->ctld_lane : &r->peers;

	atomic_fetch_add(&r->pending, 1);
	message_queue(l, m);
	if (!l->started)
		l->started = pthread_create(&l->thread, NULL, lane_main, l) == 0;
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct reporter *r = arg;
	eventfd_t n;

	(void)fd, (void)what;
	(void)eventfd_read(r->fd, &n);
	if (report_idle(r))
		r->idle(r->step);
}

static void lane_init(struct lane *l, struct reporter *r)
{
	l->r = r;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->wake, NULL);
}

static void lane_fini(struct lane *l)
{
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	if (l->started)
		pthread_join(l->thread, NULL);
	while (l->head) {
		struct message *m = l->head;

		l->head = m->next;
		message_free(m);
	}
}

struct reporter *report_new(struct step *s, void (*idle)(struct step *s))
{
	struct reporter *r = mem_zalloc(sizeof *r);

	r->step = s;
	r->idle = idle;
	r->auth = s->auth;
	r->ctld = s->ctld;
	r->timeout_ms = (int)s->conf->messagetimeout * 1000;
	r->slurmd_uid = s->conf->slurmd_uid;
	r->nodes = s->node_count;
	lane_init(&r->peers, r);
	lane_init(&r->ctld_lane, r);
	r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->ev = event_new(s->base, r->fd, EV_READ | EV_PERSIST, on_idle, r);
	event_add(r->ev, NULL);
	return r;
}

void report_job_over(struct reporter *r)
{
	struct lane *l = &r->ctld_lane;

	atomic_store(&r->job_over, true);
	pthread_mutex_lock(&l->lock);
	for (struct message *m = l->head; m; m = m->next)
		if (m->manager_host)
			m->not_before = 0;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
}

bool report_idle(const struct reporter *r)
{
	return atomic_load(&r->pending) == 0;
}

void report_free(struct reporter *r)
{
	if (!r)
		return;
	lane_fini(&r->peers);
	lane_fini(&r->ctld_lane);
	event_free(r->ev);
	close(r->fd);
	free(r);
}

/* --- the messages --- */

static struct message *message_new(uint16_t type, const struct wire_desc *d, void **body)
{
	struct message *m = mem_zalloc(sizeof *m);

	m->type = type;
	*body = arena_alloc(&m->mem, d->size);
	wire_init(d, *body);
	m->body = *body;
	return m;
}

static void to_peer(struct step *s, struct message *m, const struct peer *p)
{
	m->addr = p->resp;
	m->version = p->version;
	m->uid = p->uid;
	post(s, m);
}

static bool hears(const struct peer *p)
{
	return p && p->resp.family && p->resp.port;
}

void report_launch(struct step *s, uint32_t rc)
{
	struct launch_tasks_response_msg *b;
	struct message *m;
	void *body;

	if (s->kind != KIND_TASKS || !hears(s->peers))
		return;
	m = message_new(RESPONSE_LAUNCH_TASKS, &launch_tasks_response_msg_desc, &body);
	b = body;
	b->step_id = s->id;
	b->return_code = rc;
	b->node_name = arena_strdup(&m->mem, s->start.node_name);
	b->count_of_pids = b->local_pids_count = b->task_ids_count = s->task_count;
	b->local_pids = arena_zalloc(&m->mem, s->task_count * sizeof *b->local_pids);
	b->task_ids = arena_zalloc(&m->mem, s->task_count * sizeof *b->task_ids);
	for (uint32_t i = 0; i < s->task_count; i++) {
		b->local_pids[i] = (uint32_t)s->tasks[i].pid;
		/* Without the offset of a heterogeneous job: srun adds it. */
		b->task_ids[i] = s->tasks[i].gtid;
	}
	to_peer(s, m, s->peers);
}

static void exit_message(struct step *s, const struct peer *p, const uint32_t *ids,
			 uint32_t n, int status)
{
	struct task_exit_msg *b;
	struct message *m;
	void *body;

	m = message_new(MESSAGE_TASK_EXIT, &task_exit_msg_desc, &body);
	b = body;
	b->step_id = s->id;
	b->return_code = (uint32_t)status;
	if (WIFSIGNALED(status) && s->flags & LAUNCH_NO_SIG_FAIL)
		b->return_code = 0;
	b->num_tasks = b->task_id_list_count = n;
	b->task_id_list = arena_alloc(&m->mem, n * sizeof *ids);
	memcpy(b->task_id_list, ids, n * sizeof *ids);
	to_peer(s, m, p);
}

/* One message for all unreported tasks with one status; 0 when none is left. */
static uint32_t report_exit_group(struct step *s)
{
	uint32_t *ids = mem_alloc(s->task_count * sizeof *ids);
	uint32_t n = 0;
	int status = 0;

	for (uint32_t i = 0; i < s->task_count; i++) {
		struct task *t = &s->tasks[i];

		if (!t->exited || t->exit_sent || (n && t->status != status))
			continue;
		status = t->status;
		ids[n++] = t->gtid;
		t->exit_sent = true;
	}
	for (const struct peer *p = s->peers; n && p; p = p->next)
		if (hears(p))
			exit_message(s, p, ids, n, status);
	free(ids);
	return n;
}

void report_exits(struct step *s)
{
	while (report_exit_group(s))
		;
}

/* Steps that a step manager made end there. */
static void manager_find(const struct step *s, struct message *m)
{
	const char *name = s->launch ? s->launch->stepmgr : NULL;
	const struct conf_node *n;

	if (!name || !*name)
		return;
	n = conf_node_find(s->conf, name);
	m->manager_host = arena_strdup(&m->mem, n ? n->addr : name);
	m->manager_port = n ? n->port : s->conf->slurmdport;
}

static void complete_message(struct step *s, uint32_t first, uint32_t last, uint32_t rc,
			     const struct acct *a)
{
	const struct conf_node *parent = NULL;
	struct step_complete_msg *b;
	struct message *m;
	void *body;

	m = message_new(REQUEST_STEP_COMPLETE, &step_complete_msg_desc, &body);
	b = body;
	b->step_id = s->id;
	b->range_first = first;
	b->range_last = last;
	b->step_rc = rc;
	acct_to_wire(a, &b->jobacct, false, &m->mem);
	m->to_ctld = true;
	m->version = s->version;
	m->complete = b;
	manager_find(s, m);
	if (s->tree.parent >= 0 && s->parent_node)
		parent = conf_node_find(s->conf, s->parent_node);
	if (parent) {
		m->parent_host = arena_strdup(&m->mem, parent->addr);
		m->parent_port = parent->port;
	}
	post(s, m);
}

void report_complete(struct step *s, uint32_t rc)
{
	uint32_t rank = s->node_id, n = s->children ? s->children->bits : 0;
	struct acct a, none;

	acct_step(s, &a);
	acct_init(&none);
	if (s->acct_children)
		acct_merge(&a, s->acct_children);
	/* Ranges of ranks heard of; ours is before the first child's. */
	for (uint32_t first = 0; first <= n;) {
		uint32_t last = first;

		while (last < n && bitset_test(s->children, last))
			last++;
		complete_message(s, rank + first, rank + last, rc, first ? &none : &a);
		for (first = last; first < n && !bitset_test(s->children, first); first++)
			;
		first++;
	}
}

void report_batch(struct step *s, uint32_t job_rc, uint32_t slurm_rc)
{
	struct complete_batch_script_msg *b;
	struct message *m;
	struct acct a;
	void *body;

	m = message_new(REQUEST_COMPLETE_BATCH_SCRIPT, &complete_batch_script_msg_desc, &body);
	b = body;
	acct_step(s, &a);
	acct_to_wire(&a, &b->jobacct, false, &m->mem);
	b->step_id = s->id;
	b->job_rc = job_rc;
	b->slurm_rc = slurm_rc;
	b->user_id = s->uid;
	b->node_name = arena_strdup(&m->mem, s->start.node_name);
	m->to_ctld = true;
	m->version = s->version;
	post(s, m);
}

/* As stock has it: the controller tells srun, and has the step killed. */
void report_over_memory(struct step *s)
{
	struct job_notify *say;
	struct job_step_kill_msg *kill_it;
	struct message *m;
	void *body;

	m = message_new(REQUEST_JOB_NOTIFY, &job_notify_desc, &body);
	say = body;
	say->step_id = s->id;
	say->message = "Exceeded job memory limit";
	m->to_ctld = true;
	m->version = s->version;
	post(s, m);
	m = message_new(REQUEST_CANCEL_JOB_STEP, &job_step_kill_msg_desc, &body);
	kill_it = body;
	kill_it->step_id = s->id;
	kill_it->signal = SIGKILL;
	m->to_ctld = true;
	m->version = s->version;
	post(s, m);
}
