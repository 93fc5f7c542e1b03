/* SPDX-License-Identifier: Apache-2.0
 *
 * Telling the controller what this node is: at start until it listens, when it
 * asks, and when something failed here that it should know.
 *
 * Keeps: one registration under way at a time; the newest reason to register
 * is sent next. */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "slurmd/ctld.h"
#include "slurmd/gres.h"
#include "slurmd/steps.h"
#include "wire/base/log.h"

#define RETRY_MAX_SEC 128
#define REG_CONFIGLESS 1u
#define REG_WANT_TRES 2u

struct registration {
	struct daemon *d;
	struct event *retry;
	bool under_way, again, accepted, logged, want_tres;
	uint32_t status, delay_sec;
};

static void os_fill(struct arena *mem, struct node_registration_status_msg *m)
{
	const char *arch = getenv("SLURM_ARCH"), *os = getenv("SLURM_OS");
	struct utsname u;

	if (uname(&u))
		memset(&u, 0, sizeof u);
	m->arch = arena_strdup(mem, arch ? arch : u.machine);
	m->os = os ? arena_strdup(mem, os)
		   : arena_printf(mem, "%s %s %s", u.sysname, u.release, u.version);
}

static void steps_fill(struct daemon *d, struct arena *mem,
		       struct node_registration_status_msg *m)
{
	uint32_t n = 0;

	for (struct step *s = steps_first(d); s; s = s->next)
		n++;
	m->step_id = arena_zalloc(mem, (n ? n : 1) * sizeof *m->step_id);
	for (struct step *s = steps_first(d); s; s = s->next) {
		struct step_id_members *id = &m->step_id[m->job_count++];

		wire_init(&step_id_members_desc, id);
		id->job_id = s->job_id;
		id->step_id = s->step_id;
		id->step_het_comp = s->het_comp;
	}
}

static uint32_t up_time(const struct daemon *d)
{
	return d->boot_time ? (uint32_t)(time(NULL) - d->boot_time) : hw_up_time_sec();
}

static void processors_fill(const struct site *s, struct node_registration_status_msg *m)
{
	m->cpus = s->cpus;
	m->boards = s->boards;
	m->sockets = s->sockets;
	m->cores = s->cores;
	m->threads = s->threads;
	m->real_memory = s->hw.memory_mb;
	m->tmp_disk = s->tmp_disk_mb;
	m->cpu_spec_list = s->cpu_spec_list;
}

static void message_fill(struct registration *r, struct arena *mem,
			 struct node_registration_status_msg *m)
{
	struct daemon *d = r->d;
	const struct site *s = d->site;
	struct wire_out gres = { 0 };
	uint8_t *copy;

	wire_init(&node_registration_status_msg_desc, m);
	m->timestamp = time(NULL);
	m->slurmd_start_time = d->started;
	m->status = r->status;
	if (!r->accepted) {
		m->extra = d->opt.extra;
		m->instance_id = d->opt.instance_id ? d->opt.instance_id : "";
		m->instance_type = d->opt.instance_type ? d->opt.instance_type : "";
	}
	m->hostname = s->hostname;
	m->node_name = s->name;
	m->parameters = s->node ? s->node->parameters : NULL;
	os_fill(mem, m);
	processors_fill(s, m);
	m->up_time = up_time(d);
	m->hash_val = NO_VAL;           /* do not compare configuration texts */
	m->cpu_load = hw_cpu_load();
	m->free_mem = hw_free_mem_mb();
	m->mem_spec_limit = s->node ? s->node->mem_spec_limit_mb : 0;
	steps_fill(d, mem, m);
	m->flags = (uint16_t)((r->want_tres ? REG_WANT_TRES : 0) |
			      (s->conf_cache ? REG_CONFIGLESS : 0));
	gres_pack(s, &gres);
	copy = arena_alloc(mem, gres.len);
	memcpy(copy, gres.base, gres.len);
	m->gres_info = (struct wire_mem){ copy, (uint32_t)gres.len };
	m->gres_info_size = (uint32_t)gres.len;
	wire_out_fini(&gres);
	m->energy.slurmd_start_time = 0;
	m->version = SLUICE_NODE_VERSION;
	m->dynamic_type = d->opt.dynamic;
	m->dynamic_conf = s->dynamic_conf;
	m->dynamic_feature = d->opt.dynamic_feature;
}

static void start(struct registration *r);

static void retry_later(struct registration *r, const struct ctld_call *c)
{
	struct timeval tv = { .tv_sec = r->delay_sec };

	log_debug("Unable to register with slurm controller (retry in %us): %s", r->delay_sec,
		  err_str(c->result));
	/* A wrong key or clock looks alike on every release's screen; here the
	 * node's own log tells which, once. */
	if (c->result == E_PROTOCOL_AUTHENTICATION_ERROR && r->delay_sec == 1)
		log_error("Unable to register: %s%s%s", err_str(c->result),
			  c->why.text[0] ? ": " : "", c->why.text);
	else if (c->why.text[0])
		log_verbose("registration: %s", c->why.text);
	event_add(r->retry, &tv);
	r->delay_sec *= 2;
	if (r->delay_sec > RETRY_MAX_SEC)
		r->delay_sec = RETRY_MAX_SEC;
}

/* The controller has chosen a FUTURE node for us. */
static void name_take(struct daemon *d, const struct ctld_call *c)
{
	const struct node_reg_resp *m = c->reply.body;

	if (d->opt.dynamic != 1 || c->reply.frame.header.type != RESPONSE_NODE_REGISTRATION ||
	    !m->node_name || streq(m->node_name, d->site->name))
		return;
	log_info("the controller knows us as %s", m->node_name);
	d->opt.node_name = mem_strdup(m->node_name);
	daemon_reconfigure(d);
}

static void registered(struct registration *r, const struct ctld_call *c)
{
	if (!r->accepted)
		log_info("registered with the controller as %s, protocol %s", r->d->site->name,
			 wire_version_name(c->reply.frame.header.version));
	r->accepted = true;
	r->delay_sec = 1;
	r->status = 0;
	r->want_tres = false;
	name_take(r->d, c);
}

static void call_done(struct ctld_call *c)
{
	struct registration *r = c->arg;

	r->under_way = false;
	if (c->replied && c->result == E_OK)
		registered(r, c);
	else if (!r->again)
		retry_later(r, c);
	if (r->again) {
		r->again = false;
		start(r);
	}
}

static void start(struct registration *r)
{
	struct ctld_call *c;
	struct node_registration_status_msg *m;

	event_del(r->retry);
	c = ctld_call_new(r->d, MESSAGE_NODE_REGISTRATION_STATUS);
	m = arena_alloc(&c->mem, sizeof *m);
	message_fill(r, &c->mem, m);
	log_line(r->logged ? LVL_DEBUG3 : LVL_INFO,
		 "CPUs=%u Boards=%u Sockets=%u Cores=%u Threads=%u Memory=%llu TmpDisk=%u Uptime=%u CPUSpecList=%s FeaturesAvail=%s FeaturesActive=%s",
		 m->cpus, m->boards, m->sockets, m->cores, m->threads,
		 (unsigned long long)m->real_memory, m->tmp_disk, m->up_time,
		 m->cpu_spec_list ? m->cpu_spec_list : "(null)", "(null)", "(null)");
	r->logged = true;
	r->under_way = true;
	c->body = m;
	c->done = call_done;
	c->arg = r;
	ctld_call_start(c);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start(arg);
}

struct registration *register_new(struct daemon *d)
{
	struct registration *r = mem_zalloc(sizeof *r);

	r->d = d;
	r->delay_sec = 1;
	r->retry = event_new(d->base, -1, 0, on_retry, r);
	return r;
}

void register_send(struct daemon *d, uint32_t status, bool want_tres)
{
	struct registration *r = d->reg;

	if (status)
		r->status = status;
	r->want_tres |= want_tres;
	if (r->under_way)
		r->again = true;
	else
		start(r);
}
