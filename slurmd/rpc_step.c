/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions that a step daemon answers, passed on to it, and questions about
 * which job something belongs to. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slurmd/rpc.h"
#include "slurmd/steps.h"
#include "wire/base/log.h"

/* The step if the sender may see it; otherwise q is answered. */
static struct step *step_for(struct req *q, const struct step_id_members *id)
{
	struct step *s = steps_find(q->d, id->job_id, id->step_id, id->step_het_comp);

	if (!s || !s->up) {
		log_debug("%s: no step %u.%u here", q->type->name, id->job_id, id->step_id);
		req_answer_rc(q, E_INVALID_JOB_ID);
		return NULL;
	}
	if (q->who.uid != s->uid && !site_trusts(q->site, q->who.uid)) {
		log_error("%s from uid %u for step %u.%u owned by uid %u", q->type->name,
			  q->who.uid, s->job_id, s->step_id, s->uid);
		req_answer_rc(q, E_USER_ID_MISSING);
		return NULL;
	}
	return s;
}

static void answer_of_one(struct ask *a)
{
	struct req *q = a->arg;

	if (a->results[0] || !a->replies[0].type)
		req_answer_rc(q, (uint32_t)a->results[0]);
	else
		req_answer_packed(q, a->replies[0].type, a->replies[0].body.p,
				  a->replies[0].body.len);
	req_flush(q);
	req_unref(q);
}

/* Pass the request to the step as it came. */
static void pass_on(struct req *q, const struct step *s, enum stepd_op op)
{
	struct ask *a = ask_new(q->d, op, q->who.uid);

	a->q.version = wire_version_number(q->frame.header.version);
	a->q.body = q->frame.body;
	a->q.peer = q->frame.header.orig_addr.family ? q->frame.header.orig_addr : q->peer;
	ask_add(a, s);
	a->done = answer_of_one;
	a->arg = req_ref(q);
	ask_start(a);
}

void rpc_step_complete(struct req *q)
{
	const struct step_complete_msg *m = q->body;
	struct step *s;

	if (m->send_to_stepmgr) {
		manage_complete(q, m->step_id.job_id);
		return;
	}
	s = step_for(q, &m->step_id);
	if (s)
		pass_on(q, s, STEPD_COMPLETE);
}

void rpc_step_stat(struct req *q)
{
	struct step *s = step_for(q, q->body);

	if (s)
		pass_on(q, s, STEPD_STAT);
}

static void reattach_failed(struct req *q, enum err e)
{
	struct reattach_tasks_response_msg m;

	wire_init(&reattach_tasks_response_msg_desc, &m);
	m.node_name = q->site->name;
	m.return_code = (uint32_t)e;
	req_answer(q, RESPONSE_REATTACH_TASKS, &m);
}

void rpc_reattach(struct req *q)
{
	const struct reattach_tasks_request_msg *m = q->body;
	struct step *s = steps_find(q->d, m->step_id.job_id, m->step_id.step_id,
				    m->step_id.step_het_comp);

	if (!s || !s->up) {
		reattach_failed(q, E_INVALID_JOB_ID);
	} else if (q->who.uid != s->uid && !site_trusts(q->site, q->who.uid)) {
		log_error("uid %u attempt to attach to StepId=%u.%u owned by %u", q->who.uid,
			  s->job_id, s->step_id, s->uid);
		reattach_failed(q, (enum err)EPERM);
	} else {
		pass_on(q, s, STEPD_REATTACH);
	}
}

static void pids_done(struct ask *a)
{
	struct req *q = a->arg;
	struct job_step_pids m;

	wire_init(&job_step_pids_desc, &m);
	m.node_name = q->site->name;
	m.pid = a->replies[0].pids;
	m.pid_count = a->results[0] ? 0 : a->replies[0].pids_count;
	req_answer(q, RESPONSE_JOB_STEP_PIDS, &m);
	req_flush(q);
	req_unref(q);
}

void rpc_step_pids(struct req *q)
{
	struct step *s = step_for(q, q->body);
	struct ask *a;

	if (!s)
		return;
	a = ask_new(q->d, STEPD_PIDS, q->who.uid);
	ask_add(a, s);
	a->done = pids_done;
	a->arg = req_ref(q);
	ask_start(a);
}

void rpc_job_notify(struct req *q)
{
	const struct job_notify *m = q->body;
	const struct step *owner = steps_of_job(q->d, m->step_id.job_id);
	struct step *s = steps_find(q->d, m->step_id.job_id, STEP_BATCH, NO_VAL);
	struct ask *a;

	if (owner && q->who.uid != owner->uid && !site_trusts(q->site, q->who.uid)) {
		log_error("Security violation: job_notify(%u) from uid %u", m->step_id.job_id,
			  q->who.uid);
		return;
	}
	if (!s || !s->up) {
		log_debug2("No steps running for jobid %u to send notification message",
			   m->step_id.job_id);
		return;
	}
	a = ask_new(q->d, STEPD_NOTIFY, q->who.uid);
	a->q.text = arena_strdup(&a->mem, m->message ? m->message : "");
	ask_add(a, s);
	ask_start(a);
}

/* ---- whose is it? ------------------------------------------------------ */

/* Ask every step for its processes. */
static void all_pids(struct req *q, void (*done)(struct ask *a))
{
	struct ask *a = ask_new(q->d, STEPD_PIDS, 0);

	for (struct step *s = steps_first(q->d); s; s = s->next)
		ask_add(a, s);
	a->done = done;
	a->arg = req_ref(q);
	ask_start(a);
}

static void job_of_pid_done(struct ask *a)
{
	struct req *q = a->arg;
	const struct job_id_request_msg *m = q->body;
	struct job_id_response_msg r;

	wire_init(&job_id_response_msg_desc, &r);
	for (uint32_t k = 0; k < a->count && !q->answered; k++) {
		bool found = !a->results[k] && a->replies[k].pid == m->job_pid;

		for (uint32_t i = 0; !a->results[k] && i < a->replies[k].pids_count; i++)
			found |= a->replies[k].pids[i] == m->job_pid;
		if (found) {
			r.step_id.job_id = a->ids[k][0];
			req_answer(q, RESPONSE_JOB_ID, &r);
		}
	}
	req_answer_rc(q, E_INVALID_JOB_ID);
	req_flush(q);
	req_unref(q);
}

void rpc_job_of_pid(struct req *q)
{
	all_pids(q, job_of_pid_done);
}

/* The inode of our end of a TCP connection, 0 when there is none. */
static unsigned long socket_inode(const char *table, bool v6, const uint8_t *local,
				  uint16_t local_port, const uint8_t *remote,
				  uint16_t remote_port)
{
	FILE *f = fopen(table, "re");
	unsigned words = v6 ? 4 : 1;
	char line[512];
	unsigned long inode = 0;

	while (f && !inode && fgets(line, sizeof line, f)) {
		char want[128], *at = strchr(line, ':');
		uint32_t w;
		int n = 0;

		for (unsigned k = 0; k < words; k++) {
			memcpy(&w, local + 4 * k, 4);
			n += snprintf(want + n, sizeof want - (size_t)n, "%08X", w);
		}
		n += snprintf(want + n, sizeof want - (size_t)n, ":%04X ", local_port);
		for (unsigned k = 0; k < words; k++) {
			memcpy(&w, remote + 4 * k, 4);
			n += snprintf(want + n, sizeof want - (size_t)n, "%08X", w);
		}
		n += snprintf(want + n, sizeof want - (size_t)n, ":%04X ", remote_port);
		if (!at || strncmp(at + 2, want, (size_t)n))
			continue;
		/* st tx:rx tr:when retrnsmt uid timeout inode */
		if (sscanf(at + 2 + n, "%*s %*s %*s %*s %*s %*s %lu", &inode) != 1)
			inode = 0;
	}
	if (f)
		fclose(f);
	return inode;
}

static bool pid_has_socket(uint32_t pid, unsigned long inode)
{
	char dir[64], want[64], link[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(dir, sizeof dir, "/proc/%u/fd", pid);
	snprintf(want, sizeof want, "socket:[%lu]", inode);
	d = opendir(dir);
	while (d && !found && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);

		if (n <= 0)
			continue;
		link[n] = 0;
		found = streq(link, want);
	}
	if (d)
		closedir(d);
	return found;
}

static const struct step *callerid_step(struct ask *a, unsigned long inode)
{
	for (uint32_t k = 0; k < a->count; k++)
		for (uint32_t i = 0; !a->results[k] && i < a->replies[k].pids_count; i++)
			if (pid_has_socket(a->replies[k].pids[i], inode))
				return steps_find(a->d, a->ids[k][0], a->ids[k][1],
						  a->ids[k][2]);
	return NULL;
}

static void callerid_done(struct ask *a)
{
	struct req *q = a->arg;
	const struct network_callerid_msg *m = q->body;
	struct network_callerid_resp_msg r;
	const struct step *s = NULL;
	bool v6 = m->af == AF_INET6;
	unsigned long inode = 0;

	/* the caller's source is our remote end */
	if (m->ip_src.len >= (v6 ? 16u : 4u) && m->ip_dst.len >= (v6 ? 16u : 4u))
		inode = socket_inode(v6 ? "/proc/net/tcp6" : "/proc/net/tcp", v6, m->ip_dst.p,
				     (uint16_t)m->port_dst, m->ip_src.p,
				     (uint16_t)m->port_src);
	if (inode)
		s = callerid_step(a, inode);
	if (s && q->who.uid != s->uid && !site_trusts(q->site, q->who.uid)) {
		log_error("Security violation, REQUEST_NETWORK_CALLERID from uid=%u",
			  q->who.uid);
		s = NULL;
	}
	wire_init(&network_callerid_resp_msg_desc, &r);
	r.step_id.job_id = s ? s->job_id : NO_VAL;
	r.return_code = s ? 0 : (uint32_t)E_INVALID_JOB_ID;
	r.node_name = q->site->name;
	r.node_name_bytes = (struct wire_mem){ (const uint8_t *)r.node_name,
					       (uint32_t)strlen(r.node_name) + 1 };
	req_answer(q, RESPONSE_NETWORK_CALLERID, &r);
	req_flush(q);
	req_unref(q);
}

void rpc_callerid(struct req *q)
{
	all_pids(q, callerid_done);
}
