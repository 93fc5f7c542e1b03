/* SPDX-License-Identifier: Apache-2.0
 *
 * From a request to a job record: every check, in the order in which stock
 * makes them, since the first failure is what the user reads.  Nothing of the
 * core changes here. */
#include <limits.h>
#include <stdlib.h>

#include "slurmctld/core/resv.h"
#include "slurmctld/core/submit_i.h"

enum err submit_valid_id(const struct event *ev, const struct job_desc_msg *d, uint32_t *uid,
			 uint32_t *gid)
{
	*uid = d->user_id;
	*gid = d->group_id;
	if (wire_version_in(ev->caller.version, UNTIL(23_02))) {
		/* "whoever signed", as libslurm of 22.05 has it */
		if (*uid == NO_VAL)
			*uid = ev->caller.uid;
		if (*gid == NO_VAL)
			*gid = ev->caller.gid;
	}
	if (*uid == NO_VAL || *gid == NO_VAL)
		return E_USER_ID_MISSING;
	if (*uid == 99 && ev->caller.uid != 99) /* nobody: "whoever signed" */
		*uid = ev->caller.uid;
	if (*gid == 99 && ev->caller.gid != 99)
		*gid = ev->caller.gid;
	if (ev->caller.root_or_slurm)
		return E_OK;
	if (*uid != ev->caller.uid)
		return E_USER_ID_MISSING;
	return *gid == ev->caller.gid ? E_OK : E_GROUP_ID_MISSING;
}

/* ---- the request alone ------------------------------------------------- */

static bool too_long(const char *s, size_t max)
{
	return s && strlen(s) > max;
}

static size_t option_size(const struct core *c, const char *name, size_t dflt)
{
	const char *v;

	return conf_option(c->conf->schedulerparameters, name, &v) && *v ? strtoul(v, NULL, 10) :
		dflt;
}

static enum err check_lengths(const struct core *c, const struct job_desc_msg *d)
{
	const char *kilo[] = {
		d->account, d->alloc_node, d->comment, d->cpus_per_tres, d->extra, d->features,
		d->cluster_features, d->licenses, d->mail_user, d->mcs_label, d->mem_per_tres,
		d->name, d->network, d->partition, d->prefer, d->qos, d->reservation, d->tres_bind,
		d->tres_freq, d->tres_per_job, d->tres_per_node, d->tres_per_socket,
		d->tres_per_task, d->wckey,
	};
	const char *paths[] = { d->std_err, d->std_in, d->std_out, d->work_dir };

	for (size_t i = 0; i < sizeof(kilo) / sizeof(*kilo); i++)
		if (too_long(kilo[i], 1024))
			return E_PATHNAME_TOO_LONG;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (too_long(paths[i], PATH_MAX))
			return E_PATHNAME_TOO_LONG;
	if (too_long(d->array_inx, 4096) || too_long(d->burst_buffer, 8192) ||
	    too_long(d->cpu_bind, 131072) || too_long(d->mem_bind, 131072) ||
	    too_long(d->dependency, 131072) ||
	    too_long(d->script, option_size(c, "max_script_size", 4 * 1024 * 1024)) ||
	    too_long(d->submit_line, option_size(c, "max_submit_line_size", 1024 * 1024)))
		return E_PATHNAME_TOO_LONG;
	return E_OK;
}

static enum err check_rights(struct core *c, struct draft *t)
{
	const struct job_desc_msg *d = t->d;

	(void)c;
	t->priority = d->priority;
	t->nice = d->nice;
	if (!t->ev->caller.operator_ && !t->ev->caller.root_or_slurm) {
		if (t->priority != 0)
			t->priority = NO_VAL;
		if (t->nice < NICE_OFFSET)
			return E_INVALID_NICE;
	}
	if (!t->ev->caller.root_or_slurm) {
		if (d->admin_comment)
			return E_ACCESS_DENIED;
		if (d->reboot && d->reboot != NO_VAL16)
			return err_set(t->why, E_ACCESS_DENIED,
				       "rebooting of nodes is only allowed for admins");
	}
	return E_OK;
}

/* How many tasks and CPUs a request means. */
static void derive_size(struct draft *t)
{
	const struct job_desc_msg *d = t->d;

	if (t->num_tasks != NO_VAL)
		t->bitflags |= JOB_NTASKS_SET;
	if (t->min_nodes == NO_VAL)
		t->min_nodes = 1;
	if (t->num_tasks == NO_VAL) {
		if (d->ntasks_per_tres != NO_VAL16)
			t->num_tasks = t->min_nodes * d->ntasks_per_tres;
		else if (d->ntasks_per_node != NO_VAL16)
			t->num_tasks = t->min_nodes * d->ntasks_per_node;
	}
	if (d->overcommit != NO_VAL8)
		return;
	if (t->min_cpus != NO_VAL && (t->num_tasks == NO_VAL || t->num_tasks <= t->min_cpus))
		return;
	t->min_cpus = t->num_tasks != NO_VAL ? t->num_tasks : t->min_nodes;
	if (d->cpus_per_task != NO_VAL16)
		t->min_cpus *= d->cpus_per_task;
	if (t->max_cpus != NO_VAL && t->max_cpus < t->min_cpus)
		t->max_cpus = t->min_cpus;
}

static enum err check_request(struct core *c, struct draft *t)
{
	const struct job_desc_msg *d = t->d;
	enum err rc = check_rights(c, t);

	if (rc != E_OK)
		return rc;
	if ((d->task_dist & DIST_NODE_MASK) == DIST_ARBITRARY && d->num_tasks == NO_VAL &&
	    d->task_dist != NO_VAL)
		return err_set(t->why, E_BAD_TASK_COUNT,
			       "task count required for arbitrary distribution");
	rc = check_lengths(c, d);
	if (rc != E_OK)
		return rc;
	if (d->array_inx && *d->array_inx) {
		rc = array_parse(c, d->array_inx, &t->array);
		if (rc != E_OK)
			return rc;
	}
	if (d->x11 && !(c->conf->prologflags & 0x0010))
		return E_X11_NOT_AVAIL;
	if (d->req_nodes && d->min_nodes == NO_VAL) {
		struct bitset *set = bitset_new(c->node_count);

		rc = nodes_parse(c, d->req_nodes, set, NULL);
		t->min_nodes = bitset_count(set);
		bitset_free(set);
		if (rc != E_OK)
			return E_INVALID_NODE_NAME;
	}
	derive_size(t);
	return E_OK;
}

/* ---- memory ------------------------------------------------------------ */

static enum err check_memory(struct core *c, struct draft *t)
{
	bool any = false, all = true;

	if (t->mem == NO_VAL64) {
		t->mem = t->part[0]->def_mem ? t->part[0]->def_mem : c->conf->def_mem_mb;
	} else {
		t->bitflags |= JOB_MEM_SET;
		for (uint32_t i = 0; i < t->part_count && c->conf->enforcepartlimits; i++) {
			bool fits = mem_limit_desc(c, t->part[i], t->d, t->mem,
						    t->num_tasks);

			any |= fits;
			all &= fits;
		}
		if (c->conf->enforcepartlimits &&
		    !(c->conf->enforcepartlimits == ENFORCE_ALL ? all : any))
			return E_INVALID_TASK_MEMORY;
	}
	if (t->mem == MEM_PER_CPU)
		t->mem = 0;
	return E_OK;
}

/* ---- the rest ---------------------------------------------------------- */

static enum err check_job(struct core *c, struct draft *t)
{
	const struct job_desc_msg *d = t->d;
	bool container = (d->container && *d->container) || (d->container_id && *d->container_id);

	if (t->min_cpus == NO_VAL && d->min_nodes == NO_VAL && !d->req_nodes)
		return E_JOB_MISSING_SIZE_SPECIFICATION;
	if (t->batch && !d->script)
		return E_JOB_SCRIPT_MISSING;
	if (d->script && d->x11)
		return E_X11_NOT_AVAIL;
	if (!container && (!d->work_dir || !*d->work_dir))
		return E_INVALID_BLOCK_STATE;   /* 2063: MISSING_WORK_DIR since 23.11 */
	if (d->step_id.job_id != NO_VAL) {
		if (!t->ev->caller.root_or_slurm || !d->step_id.job_id)
			return E_INVALID_JOB_ID;
		if (job_find(c, d->step_id.job_id))
			return E_DUPLICATE_JOB_ID;
	}
	if (d->warn_flags & KILL_JOB_RESV && c->conf->preemptmode == PREEMPT_MODE_OFF)
		return E_PREEMPTION_REQUIRED;
	if (t->nice == NO_VAL)
		t->nice = NICE_OFFSET;
	return check_memory(c, t);
}

/* Licenses per task and the like are counted where they are a TRES. */
static bool names_license(const struct core *c, const char *text)
{
	const char *at = strstr(text, "license/"), *known = c->conf->accountingstoragetres;
	char word[256];

	if (!at)
		return false;
	(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(at, "=:,"), at);
	return !known || !strstr(known, word);
}

static enum err check_gres(struct core *c, struct draft *t)
{
	const char *texts[] = { t->d->tres_per_job, t->d->tres_per_node, t->d->tres_per_socket,
				t->d->tres_per_task };
	uint64_t *units = mem_zalloc((c->gres_type_count + 1) * sizeof(*units));
	enum err rc = E_OK;

	for (size_t i = 0; i < 4 && rc == E_OK; i++)
		if (texts[i] && names_license(c, texts[i]))
			rc = E_INVALID_TRES;
	for (size_t i = 0; i < 4 && rc == E_OK; i++)
		if (texts[i] && strstr(texts[i], "gres"))
			rc = gres_parse(c, texts[i], units, NULL);
	if (!rc)
		rc = gres_mixed(c, units);
	free(units);
	return rc;
}

static enum err check_nodes(struct core *c, struct draft *t)
{
	struct bitset *exc = NULL;
	enum err rc = E_OK;

	if (t->d->exc_nodes) {
		exc = bitset_new(c->node_count);
		if (nodes_parse(c, t->d->exc_nodes, exc, NULL) != E_OK)
			rc = E_INVALID_NODE_NAME;
		else if (t->req && bitset_count(t->req) <= t->min_nodes &&
			 bitset_overlap(exc, t->req))
			rc = E_INVALID_NODE_NAME;
	}
	bitset_free(exc);
	if (rc == E_OK && t->max_nodes != NO_VAL && t->max_nodes && t->max_nodes < t->min_nodes)
		rc = E_INVALID_NODE_COUNT;
	return rc;
}

static enum err check_all(struct core *c, struct draft *t)
{
	enum err rc = check_request(c, t);

	/* --signal=R: to give way is to be preempted, since 24.11 */
	if (rc == E_OK && t->d->warn_flags & KILL_JOB_RESV && !c->conf->preemptmode &&
	    wire_version_in(t->ev->caller.version, SINCE(24_11)))
		rc = E_PREEMPTION_REQUIRED;
	if (rc == E_OK)
		rc = submit_parts(c, t);
	if (rc == E_OK)
		rc = check_job(c, t);
	if (rc == E_OK && t->d->licenses && !licenses_valid(c, t->d->licenses))
		rc = E_INVALID_LICENSES;
	if (rc == E_OK)
		rc = check_gres(c, t);
	if (rc == E_OK)
		rc = check_nodes(c, t);
	/* Without burst buffers a request for one is a note, as in stock */
	if (rc == E_OK && t->d->burst_buffer && *t->d->burst_buffer && c->conf->burstbuffertype)
		rc = E_INVALID_BURST_BUFFER_REQUEST;
	return rc;
}

/* A QOS is a row of the database. */
static bool accounting_stored(const struct core *c)
{
	const char *type = c->conf->accountingstoragetype;

	return type && streq(type, "accounting_storage/slurmdbd");
}

/* ---- the record -------------------------------------------------------- */

static void list_join(struct job *j, enum job_string s, const char *const *v, uint32_t n)
{
	size_t len = 1;
	char *text, *p;

	for (uint32_t i = 0; i < n; i++)
		len += (v[i] ? strlen(v[i]) : 0) + 1;
	p = text = mem_alloc(len);
	for (uint32_t i = 0; i < n; i++) {
		p = stpcpy(p, v[i] ? v[i] : "");
		*p++ = 0x1f;
	}
	*p = '\0';
	job_str_set(j, s, text);
	free(text);
}

/* Names of nodes as they are shown: "c[1,3]" for "c3,c1,c3". */
static void in_order(struct job *j, enum job_string s)
{
	struct arena mem = { 0 };
	char **names, *text;
	uint32_t n;

	if (job_str(j, s) && hostlist_expand(job_str(j, s), &mem, &names, &n, NULL) == E_OK) {
		text = hostlist_compress_sorted((const char *const *)names, n);
		job_str_set(j, s, text);
		free(text);
	}
	arena_fini(&mem);
}

/* Whose mail it is, asked for or not. */
static void set_mail_user(const struct core *c, struct job *j, const struct draft *t)
{
	const char *domain = c->conf->maildomain, *user = t->ev->caller.user;
	char name[400];

	if (job_str(j, JS_MAIL_USER) || !*user || t->uid != t->ev->caller.uid)
		return;
	snprintf(name, sizeof name, "%s%s%.300s", user, domain && *domain ? "@" : "",
		 domain ? domain : "");
	job_str_set(j, JS_MAIL_USER, name);
}

/* A key of one's own that nobody has chosen */
static void set_wckey(const struct core *c, struct job *j)
{
	if (c->conf->trackwckey && !job_str(j, JS_WCKEY))
		job_str_set(j, JS_WCKEY, "*");
}

void feature_str_set(struct job *j, enum job_string which, const char *expr)
{
	char *text = mem_strdup(expr);

	for (char *p = text; p && *p; p++)
		if (*p == ',')
			*p = '&';
	job_str_set(j, which, text);
	free(text);
}

static void copy_strings(const struct core *c, struct job *j, const struct draft *t)
{
	const struct job_desc_msg *d = t->d;
	const struct { enum job_string s; const char *v; } all[] = {
		{ JS_NAME, d->name }, { JS_ACCOUNT, d->account }, { JS_QOS, d->qos },
		{ JS_WCKEY, d->wckey }, { JS_ALLOC_NODE, t->alloc_node },
		{ JS_WORK_DIR, d->work_dir }, { JS_STD_IN, d->std_in }, { JS_STD_OUT, d->std_out },
		{ JS_STD_ERR, d->std_err }, { JS_SUBMIT_LINE, d->submit_line },
		{ JS_CLUSTER_FEATURES, d->cluster_features },
		{ JS_BATCH_FEATURES, d->batch_features }, { JS_REQ_NODES, d->req_nodes },
		{ JS_EXC_NODES, d->exc_nodes }, { JS_LICENSES, d->licenses },
		{ JS_COMMENT, d->comment }, { JS_ADMIN_COMMENT, d->admin_comment },
		{ JS_EXTRA, d->extra }, { JS_NETWORK, d->network }, { JS_MCS_LABEL, d->mcs_label },
		{ JS_CONTAINER, d->container }, { JS_CONTAINER_ID, d->container_id },
		{ JS_CONTAINER_TYPE, d->container_type }, { JS_CPUS_PER_TRES, d->cpus_per_tres },
		{ JS_MEM_PER_TRES, d->mem_per_tres }, { JS_BURST_BUFFER, d->burst_buffer },
		{ JS_TRES_BIND, d->tres_bind },
		{ JS_TRES_FREQ, d->tres_freq }, { JS_TRES_PER_JOB, d->tres_per_job },
		{ JS_TRES_PER_NODE, d->tres_per_node }, { JS_TRES_PER_SOCKET, d->tres_per_socket },
		{ JS_TRES_PER_TASK, d->tres_per_task }, { JS_MAIL_USER, d->mail_user },
		{ JS_ARRAY_INX, d->array_inx }, { JS_RESP_HOST, d->resp_host },
		{ JS_SELINUX_CONTEXT, d->req_context }, { JS_JOB_SIZE, d->job_size_str },
		{ JS_CPU_BIND, d->cpu_bind }, { JS_MEM_BIND, d->mem_bind },
		{ JS_ACCTG_FREQ, d->acctg_freq }, { JS_ALLOC_TLS_CERT, d->alloc_tls_cert },
		{ JS_CLUSTERS, d->clusters }, { JS_RESERVATION, d->reservation },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		job_str_set(j, all[i].s, all[i].v);
	/* the order of the names means something to "arbitrary" only */
	if ((d->task_dist & DIST_NODE_MASK) != DIST_ARBITRARY)
		in_order(j, JS_REQ_NODES);
	in_order(j, JS_EXC_NODES);
	feature_str_set(j, JS_FEATURES, d->features);
	feature_str_set(j, JS_PREFER, d->prefer);
	if (!accounting_stored(c))      /* without a database no QOS exists */
		job_str_set(j, JS_QOS, NULL);
	if (d->argv_count)
		job_str_set(j, JS_COMMAND, d->argv[0]);
	list_join(j, JS_ARGV, d->argv, d->argv_count);
	list_join(j, JS_SPANK_ENV, d->spank_job_env, d->spank_job_env_count);
}

static void copy_partition(struct job *j, const struct draft *t)
{
	char names[4096] = "";
	size_t len = 0;

	for (uint32_t i = 0; i < t->part_count; i++) {
		int n = snprintf(names + len, sizeof(names) - len, "%s%s", i ? "," : "",
				 t->part[i]->name);

		if (n < 0 || (size_t)n >= sizeof(names) - len)
			break;
		len += (size_t)n;
	}
	j->part = t->part[0];
	job_str_set(j, JS_PARTITION, names);
}

static uint16_t or16(uint16_t v, uint16_t unset, uint16_t dflt)
{
	return v == unset ? dflt : v;
}

static void copy_layout(struct core *c, struct job *j, const struct draft *t)
{
	const struct job_desc_msg *d = t->d;

	j->ntasks_per_node = or16(d->ntasks_per_node, NO_VAL16, 0);
	j->ntasks_per_socket = or16(d->ntasks_per_socket, NO_VAL16, INFINITE16);
	j->ntasks_per_core = or16(d->ntasks_per_core, NO_VAL16, INFINITE16);
	j->ntasks_per_board = or16(d->ntasks_per_board, NO_VAL16, 0);
	j->ntasks_per_tres = d->ntasks_per_tres;
	j->sockets_per_node = d->sockets_per_node;
	j->cores_per_socket = d->cores_per_socket;
	j->threads_per_core = d->threads_per_core;
	j->boards_per_node = or16(d->boards_per_node, NO_VAL16, 0);
	j->sockets_per_board = or16(d->sockets_per_board, NO_VAL16, 0);
	j->plane_size = or16(d->plane_size, NO_VAL16, 0);
	j->core_spec = c->conf->allowspecresourcesusage ? d->core_spec : NO_VAL16;
	j->cpus_per_task = d->cpus_per_task == NO_VAL16 || !d->cpus_per_task ? 1 :
		d->cpus_per_task;
	j->overcommit = d->overcommit == NO_VAL8 ? 0 : d->overcommit;
	j->num_tasks = t->num_tasks == NO_VAL ? 0 : t->num_tasks;
	j->pn_min_cpus = or16(d->pn_min_cpus, NO_VAL16, 1);
	if (!j->pn_min_cpus)
		j->pn_min_cpus = 1;
	if (j->ntasks_per_node && !j->overcommit && j->num_tasks > 1) {
		uint32_t n = (uint32_t)j->cpus_per_task * j->ntasks_per_node;

		if (n > j->pn_min_cpus && n < NO_VAL16)
			j->pn_min_cpus = (uint16_t)n;
	}
	if (j->cpus_per_task > j->pn_min_cpus)
		j->pn_min_cpus = j->cpus_per_task;
	j->min_nodes = t->min_nodes;
	j->max_nodes = t->max_nodes == NO_VAL ? 0 : t->max_nodes;
	j->min_cpus = t->min_cpus == NO_VAL ? t->min_nodes : t->min_cpus;
	j->max_cpus = t->max_cpus;
	j->task_dist = d->task_dist == NO_VAL ? DIST_CYCLIC : d->task_dist;
	j->shared = j->core_spec != NO_VAL16 ? JOB_SHARED_NONE : d->shared;
	if (d->reboot && d->reboot != NO_VAL16)
		j->shared = JOB_SHARED_NONE;
}

static void copy_scalars(struct core *c, struct job *j, const struct draft *t)
{
	const struct job_desc_msg *d = t->d;

	j->uid = t->uid;
	j->gid = t->gid;
	j->batch = t->batch && d->script;
	j->bitflags = (t->bitflags | d->bitflags) & ~(BACKFILL_TEST | BF_WHOLE_NODE_TEST |
		JOB_KILL_HURRY | TRES_STR_CALC | JOB_WAS_RUNNING | CRON_JOB | JOB_DEPENDENT |
		BACKFILL_SCHED);
	j->priority = t->priority;
	j->nice = t->nice;
	j->time_limit_min = t->time_limit;
	j->time_min_min = d->time_min && d->time_min != NO_VAL ? d->time_min : NO_VAL;
	j->pn_min_memory = t->mem;
	j->pn_min_tmp_disk = d->pn_min_tmp_disk == NO_VAL ? 0 : d->pn_min_tmp_disk;
	j->contiguous = or16(d->contiguous, NO_VAL16, 0);
	j->reboot = or16(d->reboot, NO_VAL16, 0) != 0;
	j->requeue = d->requeue == NO_VAL16 ? c->conf->jobrequeue : d->requeue != 0;
	j->wait_all_nodes = or16(d->wait_all_nodes, NO_VAL16, 0);
	j->kill_on_node_fail = or16(d->kill_on_node_fail, NO_VAL16, 1);
	j->mail_type = or16(d->mail_type, NO_VAL16, 0);
	j->warn_flags = d->warn_flags;
	j->warn_signal = d->warn_signal;
	j->warn_time = d->warn_time;
	j->alloc_resp_port = d->alloc_resp_port;
	j->other_port = d->other_port;
	j->x11 = d->x11;
	j->segment_size = or16(d->segment_size, NO_VAL16, 0);
	j->resv_port_cnt = d->resv_port_cnt;
	j->oom_kill_step = d->oom_kill_step;
	j->cpu_bind_type = or16(d->cpu_bind_type, NO_VAL16, 0);
	j->mem_bind_type = or16(d->mem_bind_type, NO_VAL16, 0);
	j->mem_update_delay = d->mem_update_delay;
	j->mem_update_margin = d->mem_update_margin;
	j->open_mode = d->open_mode;
	j->start_protocol = wire_version_number(t->ev->caller.version);
	manager_wish(c, t->ev, j);
	j->profile = d->profile;
	j->cpu_freq_min = d->cpu_freq_min;
	j->cpu_freq_max = d->cpu_freq_max;
	j->cpu_freq_gov = d->cpu_freq_gov;
	j->delay_boot = d->delay_boot == NO_VAL ? 0 : d->delay_boot;
	j->req_switch = d->req_switch == NO_VAL ? 0 : d->req_switch;
	if (d->req_switch != NO_VAL)
		j->wait4switch = switch_wait(c, d->wait4switch == NO_VAL ? INFINITE :
					     d->wait4switch);
	j->alloc_sid = d->alloc_sid;
	j->restart_cnt = or16(d->restart_cnt, NO_VAL16, 0);
	j->submit_time = j->last_sched_eval = c->now;
	j->begin_time = d->begin_time > c->now && d->begin_time != NO_VAL ? d->begin_time : 0;
	j->deadline = d->deadline == NO_VAL ? 0 : d->deadline;
	j->peer = t->ev->caller.peer;
	j->remote = remote_cluster(c, d->origin_cluster);
	j->time_last_active = c->now;
}

/* Units of gres that the request comes to, as far as it says. */
static void gres_asked(struct core *c, const struct job *j, uint64_t *units)
{
	const struct { enum job_string s; uint64_t times; } all[] = {
		{ JS_TRES_PER_NODE, j->min_nodes }, { JS_TRES_PER_JOB, 1 },
		{ JS_TRES_PER_TASK, j->num_tasks && j->num_tasks != NO_VAL ? j->num_tasks : 1 },
	};
	uint64_t *one = mem_zalloc((c->gres_type_count + 1) * sizeof(*one));
	bool any = false;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all) && !any; i++) {
		const char *text = job_str(j, all[i].s);

		if (!text || !strstr(text, "gres"))
			continue;
		gres_parse(c, text, one, NULL);
		for (uint32_t t = 0; t < c->gres_type_count; t++)
			units[t] = one[t] * all[i].times;
		any = true;
	}
	free(one);
}

/* --mem-per-gpu stands for all other memory. */
static uint64_t mem_per_gres(struct core *c, const struct job *j, const uint64_t *units,
			     uint64_t mem)
{
	const char *text = job_str(j, JS_MEM_PER_TRES);
	uint64_t *per = mem_zalloc((c->gres_type_count + 1) * sizeof(*per)), sum = 0;

	if (text && *text)
		gres_parse(c, text, per, NULL);
	for (uint32_t t = 0; t < c->gres_type_count; t++)
		for (uint32_t k = 0; per[t] && k < c->gres_type_count; k++)
			if (streq(c->gres_name[k], c->gres_name[t]))
				sum += per[t] * units[k];
	free(per);
	return sum ? sum : mem;
}

void job_note_tres(struct core *c, struct job *j)
{
	uint32_t types = c->gres_type_count;
	uint64_t *units = mem_zalloc((types + 1) * sizeof(*units));
	uint64_t mem = j->pn_min_memory & ~MEM_PER_CPU;
	char *s;

	mem *= j->pn_min_memory & MEM_PER_CPU ? j->min_cpus : j->min_nodes;
	if (!j->pn_min_memory && j->part) {
		/* All memory of the nodes: as much as the first has. */
		uint32_t first = bitset_next(j->part->nodes, 0);

		mem = first == UINT32_MAX ? 0 : c->node[first]->real_memory_mb * j->min_nodes;
	}
	gres_asked(c, j, units);
	mem = mem_per_gres(c, j, units, mem);
	s = tres_format(c, j->min_cpus, mem, j->min_nodes, units, j->min_cpus);
	job_str_set(j, JS_TRES_REQ, s);
	free(s);
	free(units);
}

static void first_reason(struct core *c, struct job *j, const struct draft *t)
{
	if (j->priority == 0) {
		j->reason = t->d->priority == 0 ? WAIT_HELD_USER : WAIT_HELD;
	} else {
		j->direct_prio = j->priority != NO_VAL && j->priority != INFINITE;
		if (j->bitflags & JOB_DEPENDENT)
			j->reason = WAIT_DEPENDENCY;
		else if (j->begin_time > c->now)
			j->reason = WAIT_TIME;
	}
	if (!j->priority || j->bitflags & JOB_DEPENDENT)
		return;
	j->eligible_time = j->begin_time > c->now ? j->begin_time : c->now;
	if (t->batch)
		j->accrue_time = j->eligible_time;
}

enum err submit_build(struct core *c, const struct event *ev, const struct job_desc_msg *d,
		      bool batch, struct job **out, struct err_text *why)
{
	struct draft t = {
		.d = d, .ev = ev, .batch = batch, .min_cpus = d->min_cpus,
		.max_cpus = d->max_cpus, .min_nodes = d->min_nodes, .max_nodes = d->max_nodes,
		.num_tasks = d->num_tasks, .time_limit = d->time_limit, .mem = d->pn_min_memory,
		.cpus_per_task = d->cpus_per_task, .why = why,
	};
	enum err rc = submit_valid_id(ev, d, &t.uid, &t.gid);
	struct job *j = NULL;

	/* The credential's host, whatever the request says: AllocNodes= of a
	 * partition rests on it. */
	t.alloc_node = ev->caller.host;
	if (rc == E_OK && !*t.alloc_node)
		rc = E_INVALID_NODE_NAME;
	if (rc == E_OK)
		rc = check_all(c, &t);
	if (rc != E_OK)
		goto out;
	j = job_new();
	copy_strings(c, j, &t);
	set_mail_user(c, j, &t);
	set_wckey(c, j);
	copy_partition(j, &t);
	copy_layout(c, j, &t);
	copy_scalars(c, j, &t);
	rc = resv_job_valid(c, j, job_str(j, JS_RESERVATION));
	if (rc == E_OK)
		rc = depend_set(c, j, d->dependency, NULL);
	if (rc != E_OK)
		goto out;
	job_str_set(j, JS_ORIG_DEPENDENCY, job_str(j, JS_DEPENDENCY));
	if (j->priority && job_str(j, JS_DEPENDENCY) && depend_test(c, j) == DEPEND_MET)
		job_str_set(j, JS_DEPENDENCY, NULL);
	if (job_str(j, JS_DEPENDENCY))
		j->bitflags |= JOB_DEPENDENT;
	first_reason(c, j, &t);
	/* nobody looks before it is released */
	if (!j->priority && !t.array)
		j->bitflags |= JOB_DEPENDENT;
	job_note_tres(c, j);            /* of what was asked for */
	if (t.part_count == 1)
		mem_limit_apply(c, j->part, j);
	j->array = t.array;
	t.array = NULL;
	job_spec_hash(j);
	if (j->priority == NO_VAL || j->priority == INFINITE)
		j->priority = sched_priority(c, j);
	*out = j;
out:
	if (rc != E_OK)
		job_free(j);
	array_free(t.array);
	bitset_free(t.req);
	return rc;
}
