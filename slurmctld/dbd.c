/* SPDX-License-Identifier: Apache-2.0
 *
 * See dbd.h.  The thread blocks on the connection and on an eventfd; what it
 * shares with the main thread is behind one lock. */
#include "slurmctld/dbd.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/rpc.h"
#include "slurmctld/core/show.h"
#include "slurmctld/dbd_conn.h"
#include "wire/base/log.h"

#define LOOK_SEC 5              /* did the nodes change? */
#define CLUSTER_FLAG_MULTSD 0x80u
#define SELECT_CONS_TRES 109
#define RC_CLUSTER_ID 0x80000000u       /* not an error: the rest is the cluster's id */
#define RC_FIRST_REG 10002
#define RC_CHANGED 10004        /* and the number after it */

struct dbd {
	struct ctld *ctld;
	struct watch look;
	int64_t looked;                 /* wall clock */
	pthread_t thread;
	int wake;                       /* eventfd */
	pthread_mutex_t lock;
	/* under lock: */
	bool ending, again;
	char *nodes, *tres;
	unsigned tres_gen;
	struct conf *conf;              /* the thread's own reference */
	/* the thread's: */
	unsigned tres_sent;
	enum wire_version version;
	bool complained;
};

/* ---- pure -------------------------------------------------------------- */

void dbd_tres_text(uint64_t cpus, uint64_t memory_mb, uint32_t nodes, char *out, size_t size)
{
	/* cpu, mem, energy, node, billing, fs/disk, vmem, pages */
	snprintf(out, size, "1=%llu,2=%llu,3=0,4=%u,5=%llu,6=0,7=0,8=0",
		 (unsigned long long)cpus, (unsigned long long)memory_mb, nodes,
		 (unsigned long long)cpus);
}

bool dbd_next_version(enum wire_version *v)
{
	if (*v <= WIRE_VERSION_OLDEST)
		return false;
	*v = (enum wire_version)(*v - 1);
	return true;
}

int dbd_pause_sec(unsigned attempt)
{
	static const uint8_t sec[] = { 0, 1, 1, 2, 3, 5 };

	return attempt < sizeof sec ? sec[attempt] : 10;
}

/* ---- the thread -------------------------------------------------------- */

static bool is_ending(struct dbd *d)
{
	bool yes;

	pthread_mutex_lock(&d->lock);
	yes = d->ending;
	pthread_mutex_unlock(&d->lock);
	return yes;
}

/* Until the main thread wants something, the connection says something, or so
 * much time has passed.  True: the connection did. */
static bool wait_wake(struct dbd *d, int fd, int sec)
{
	struct pollfd p[2] = { { .fd = d->wake, .events = POLLIN },
			       { .fd = fd, .events = POLLIN } };
	uint64_t n;

	if (poll(p, fd < 0 ? 1 : 2, sec < 0 ? -1 : sec * 1000) <= 0)
		return false;
	if (p[0].revents && read(d->wake, &n, sizeof n) < 0 && errno != EAGAIN)
		log_error("eventfd: %m");
	return fd >= 0 && p[1].revents;
}

static enum err rc_judge(uint16_t type, uint32_t rc, const char *comment)
{
	if (!rc || rc & RC_CLUSTER_ID || rc == RC_FIRST_REG || rc == RC_CHANGED ||
	    rc == RC_CHANGED + 1)
		return E_OK;
	log_error("slurmdbd: %s refused: %s%s%s", type == DBD_REGISTER_CTLD ? "registration" :
		  "cluster's resources", err_str((int)rc), comment ? ": " : "",
		  comment ? comment : "");
	return (enum err)rc;
}

static enum err ask_rc(struct dbd_conn *k, uint16_t type, const void *body, struct err_text *why)
{
	struct arena mem = { 0 };
	const struct wire_type *t;
	void *reply;
	enum err e = dbd_conn_ask(k, type, body, &mem, &t, &reply, why);

	if (!e && t->number != DBD_RC)
		e = err_set(why, E_UNEXPECTED_MSG_ERROR, "unexpected answer %s", t->name);
	if (!e) {
		const struct slurm_persist_rc_msg *m = reply;

		e = rc_judge(type, m->rc, m->comment);
	}
	arena_fini(&mem);
	return e;
}

static enum err send_register(struct dbd *d, struct dbd_conn *k, struct err_text *why)
{
	struct dbd_register_ctld m;

	wire_init(&dbd_register_ctld_desc, &m);
	m.dimensions = 1;
	m.flags = CLUSTER_FLAG_MULTSD;
	m.plugin_id_select = SELECT_CONS_TRES;
	pthread_mutex_lock(&d->lock);
	m.port = d->conf->slurmctldport;
	d->again = false;
	pthread_mutex_unlock(&d->lock);
	log_info("Registering slurmctld at port %u with slurmdbd", m.port);
	return ask_rc(k, DBD_REGISTER_CTLD, &m, why);
}

static enum err send_tres(struct dbd *d, struct dbd_conn *k, struct err_text *why)
{
	struct dbd_cluster_tres m;
	unsigned gen;
	enum err e;

	wire_init(&dbd_cluster_tres_desc, &m);
	m.event_time = time(NULL);
	pthread_mutex_lock(&d->lock);
	gen = d->tres_gen;
	m.cluster_nodes = mem_strdup(d->nodes);
	m.tres_str = mem_strdup(d->tres);
	pthread_mutex_unlock(&d->lock);
	e = ask_rc(k, DBD_CLUSTER_TRES, &m, why);
	free((char *)(uintptr_t)m.cluster_nodes);
	free((char *)(uintptr_t)m.tres_str);
	if (!e)
		d->tres_sent = gen;
	return e;
}

static bool wants(struct dbd *d, bool *again, bool *tres)
{
	bool end;

	pthread_mutex_lock(&d->lock);
	end = d->ending;
	*again = d->again;
	*tres = d->tres_gen != d->tres_sent;
	pthread_mutex_unlock(&d->lock);
	return !end;
}

/* As long as the connection holds. */
static void serve(struct dbd *d, struct dbd_conn *k)
{
	struct err_text why = { "" };
	enum err e = send_register(d, k, &why);
	bool again, tres;

	if (!e)
		e = send_tres(d, k, &why);
	while (!e && wants(d, &again, &tres)) {
		if (again)
			e = send_register(d, k, &why);
		else if (tres)
			e = send_tres(d, k, &why);
		else if (wait_wake(d, k->fd, -1))
			e = err_set(&why, E_COMMUNICATIONS_RECEIVE_ERROR,
				    "the connection was closed");
	}
	/* At the end the connection is just closed: after DBD_FINI the service can
	 * no longer note that our address is gone. */
	if (e)
		log_error("slurmdbd: %s; trying again", why.text[0] ? why.text : err_str(e));
}

static bool open_any(struct dbd *d, struct dbd_conn *k)
{
	struct err_text why = { "" };
	struct conf *conf;
	const char *host[2];
	bool open = false;

	pthread_mutex_lock(&d->lock);
	conf = conf_ref(d->conf);
	pthread_mutex_unlock(&d->lock);
	host[0] = conf->accountingstoragehost ? conf->accountingstoragehost : "localhost";
	host[1] = conf->accountingstoragebackuphost;
	for (int i = 0; i < 2 && !open; i++) {
		if (!host[i])
			continue;
		open = !dbd_conn_open(k, d->ctld->auth_global, conf, host[i], &d->version,
				      &why);
		if (!open && !d->complained)
			log_error("slurmdbd at %s: %s", host[i], why.text);
		if (open)
			log_info("accounting storage: slurmdbd at %s port %u, release %s", host[i],
				 conf->accountingstorageport, wire_version_name(k->version));
	}
	d->complained = !open;
	conf_unref(conf);
	return open;
}

static void *dbd_main(void *arg)
{
	struct dbd *d = arg;
	unsigned attempt = 0;

	while (!is_ending(d)) {
		struct dbd_conn k;

		if (open_any(d, &k)) {
			int64_t since = clock_mono_usec();

			serve(d, &k);
			dbd_conn_close(&k);
			attempt = clock_mono_usec() - since > 60000000 ? 0 : attempt;
		}
		if (!is_ending(d))
			wait_wake(d, -1, dbd_pause_sec(++attempt));
	}
	return NULL;
}

/* ---- main thread ------------------------------------------------------- */

static void wake(struct dbd *d)
{
	uint64_t one = 1;

	if (write(d->wake, &one, sizeof one) < 0 && errno != EAGAIN)
		log_error("eventfd: %m");
}

/* What the cluster has; the thread sends it when it is not what it sent last. */
static void look_at_nodes(struct dbd *d)
{
	const struct core *core = d->ctld->core;
	struct bitset *set = bitset_new(core->node_count);
	uint64_t cpus = 0, memory = 0;
	struct arena mem = { 0 };
	uint32_t nodes = 0;
	char tres[160];
	const char *names;
	bool same;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct node *n = core->node[i];

		if (!n || (n->state & NODE_STATE_BASE) == NODE_STATE_FUTURE)
			continue;
		bitset_set(set, i);
		cpus += n->cpus;
		memory += n->real_memory_mb;
		nodes++;
	}
	names = show_nodes(core, set, &mem);
	dbd_tres_text(cpus, memory, nodes, tres, sizeof tres);
	pthread_mutex_lock(&d->lock);
	same = d->tres && streq(d->tres, tres) && streq(d->nodes, names ? names : "");
	if (!same) {
		free(d->nodes);
		free(d->tres);
		d->nodes = mem_strdup(names ? names : "");
		d->tres = mem_strdup(tres);
		d->tres_gen++;
	}
	pthread_mutex_unlock(&d->lock);
	if (!same)
		wake(d);
	bitset_free(set);
	arena_fini(&mem);
}

static void on_look(void *arg, short what)
{
	struct dbd *d = arg;

	(void)what;
	if (d->conf != d->ctld->conf) {         /* only this thread changes it */
		pthread_mutex_lock(&d->lock);
		conf_unref(d->conf);
		d->conf = conf_ref(d->ctld->conf);
		pthread_mutex_unlock(&d->lock);
	}
	if (d->ctld->core->last_node_update >= d->looked)
		look_at_nodes(d);
	d->looked = ctld_now_usec(d->ctld) / 1000000;
	watch_wait(&d->look, 0, LOOK_SEC * INT64_C(1000000));
}

void dbd_register(struct dbd *d)
{
	pthread_mutex_lock(&d->lock);
	d->again = true;
	d->tres_gen++;
	pthread_mutex_unlock(&d->lock);
	wake(d);
}

struct dbd *dbd_new(struct ctld *c)
{
	struct dbd *d;
	int e;

	if (!c->conf->accountingstoragetype ||
	    !streq(c->conf->accountingstoragetype, "accounting_storage/slurmdbd"))
		return NULL;
	d = mem_zalloc(sizeof *d);
	d->ctld = c;
	d->version = WIRE_VERSION_NEWEST;
	d->conf = conf_ref(c->conf);
	pthread_mutex_init(&d->lock, NULL);
	d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->wake < 0)
		log_fatal("eventfd: %m");
	watch_init(&d->look, c->loop, -1, on_look, d);
	look_at_nodes(d);
	on_look(d, 0);
	e = thread_start(&d->thread, "ctld-dbd", dbd_main, d);
	if (e)
		log_fatal("cannot start a thread: %s", strerror(e));
	return d;
}

void dbd_free(struct dbd *d)
{
	if (!d)
		return;
	watch_stop(&d->look);
	pthread_mutex_lock(&d->lock);
	d->ending = true;
	pthread_mutex_unlock(&d->lock);
	wake(d);
	pthread_join(d->thread, NULL);
	close(d->wake);
	conf_unref(d->conf);
	free(d->nodes);
	free(d->tres);
	pthread_mutex_destroy(&d->lock);
	free(d);
}
