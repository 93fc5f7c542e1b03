/* SPDX-License-Identifier: Apache-2.0
 *
 * struct conf to the answer of RESPONSE_BUILD_INFO.  Which members a release
 * carries is the codec's business.  This is the one place outside wire/ that
 * looks at a client's release, and only for values that stock's own releases
 * print differently for the same file. */
#include "conf/print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/keys.h"
#include "conf/value.h"
#include "wire/base/strbuf.h"

struct fill {
	const struct conf *c;
	const struct conf_runtime *r;
	struct slurm_ctl_conf_msg *out;
	struct arena *mem;
};

static bool given(const struct conf *c, enum conf_key_index key)
{
	return c->origin[key].text != NULL;
}

static bool in_releases(const struct fill *f, uint64_t when)
{
	return wire_version_in(f->r->release, when);
}

/* ---- members that are keys ---- */

/* wire member, conf member */
#define SAME_STRINGS(S) \
	S(accounting_storage_backup_host, accountingstoragebackuphost) \
	S(accounting_storage_host, accountingstoragehost) \
	S(accounting_storage_ext_host, accountingstorageexternalhost) \
	S(accounting_storage_params, accountingstorageparameters) \
	S(accounting_storage_tres, accountingstoragetres) \
	S(accounting_storage_type, accountingstoragetype) \
	S(accounting_storage_user, accountingstorageuser) \
	S(acct_gather_energy_type, acctgatherenergytype) \
	S(acct_gather_filesystem_type, acctgatherfilesystemtype) \
	S(acct_gather_interconnect_type, acctgatherinterconnecttype) \
	S(acct_gather_profile_type, acctgatherprofiletype) \
	S(authalttypes, authalttypes) S(authalt_params, authaltparameters) \
	S(authinfo, authinfo) S(authtype, authtype) \
	S(bb_type, burstbuffertype) S(bcast_exclude, bcastexclude) \
	S(bcast_parameters, bcastparameters) \
	S(certmgr_params, certmgrparameters) S(certmgr_type, certmgrtype) \
	S(cli_filter_params, clifilterparameters) \
	S(cli_filter_plugins, clifilterplugins) \
	S(cluster_name, clustername) S(comm_params, communicationparameters) \
	S(core_spec_plugin, corespecplugin) S(cred_type, credtype) \
	S(data_parser_parameters, dataparserparameters) \
	S(dependency_params, dependencyparameters) \
	S(ext_sensors_type, extsensorstype) \
	S(fed_params, federationparameters) S(gres_plugins, grestypes) \
	S(gpu_freq_def, gpufreqdef) S(hash_plugin, hashplugin) \
	S(health_check_program, healthcheckprogram) \
	S(http_parser_type, httpparsertype) \
	S(interactive_step_opts, interactivestepoptions) \
	S(job_acct_gather_freq, jobacctgatherfrequency) \
	S(job_acct_gather_type, jobacctgathertype) \
	S(job_acct_gather_params, jobacctgatherparams) \
	S(job_comp_host, jobcomphost) S(job_comp_loc, jobcomploc) \
	S(job_comp_params, jobcompparams) S(job_comp_type, jobcomptype) \
	S(job_comp_user, jobcompuser) \
	S(job_container_plugin, namespacetype) \
	S(job_credential_private_key, jobcredentialprivatekey) \
	S(job_credential_public_certificate, jobcredentialpubliccertificate) \
	S(namespace_plugin, namespacetype) \
	S(job_submit_plugins, jobsubmitplugins) \
	S(launch_params, launchparameters) S(launch_type, launchtype) \
	S(license_params, licenseparameters) S(licenses, licenses) \
	S(mail_domain, maildomain) S(mail_prog, mailprog) \
	S(mcs_plugin, mcsplugin) S(mcs_plugin_params, mcsparameters) \
	S(metrics_auth_users, metricsauthusers) \
	S(metrics_params, metricsparameters) S(metrics_type, metricstype) \
	S(mpi_default, mpidefault) S(mpi_params, mpiparams) \
	S(node_features_plugins, nodefeaturesplugins) \
	S(plugindir, plugindir) S(plugstack, plugstackconfig) \
	S(power_parameters, powerparameters) S(power_plugin, powerplugin) \
	S(preempt_params, preemptparameters) S(preempt_type, preempttype) \
	S(prep_params, prepparameters) S(prep_plugins, prepplugins) \
	S(priority_params, priorityparameters) \
	S(priority_type, prioritytype) \
	S(priority_weight_tres, priorityweighttres) \
	S(proctrack_type, proctracktype) \
	S(propagate_rlimits, propagateresourcelimits) \
	S(propagate_rlimits_except, propagateresourcelimitsexcept) \
	S(reboot_program, rebootprogram) S(requeue_exit, requeueexit) \
	S(requeue_exit_hold, requeueexithold) \
	S(resume_fail_program, resumefailprogram) \
	S(resume_program, resumeprogram) S(resv_epilog, resvepilog) \
	S(resv_prolog, resvprolog) S(route_plugin, routeplugin) \
	S(sched_params, schedulerparameters) \
	S(sched_logfile, slurmschedlogfile) S(schedtype, schedulertype) \
	S(scron_params, scronparameters) S(select_type, selecttype) \
	S(slurm_user_name, slurmuser) S(slurmd_user_name, slurmduser) \
	S(slurmctld_addr, slurmctldaddr) \
	S(slurmctld_http_auth_params, slurmctldhttpauthparameters) \
	S(slurmctld_logfile, slurmctldlogfile) \
	S(slurmctld_params, slurmctldparameters) \
	S(slurmctld_pidfile, slurmctldpidfile) \
	S(slurmctld_plugstack, slurmctldplugstack) \
	S(slurmctld_primary_off_prog, slurmctldprimaryoffprog) \
	S(slurmctld_primary_on_prog, slurmctldprimaryonprog) \
	S(slurmd_http_auth_params, slurmdhttpauthparameters) \
	S(slurmd_logfile, slurmdlogfile) S(slurmd_params, slurmdparameters) \
	S(slurmd_pidfile, slurmdpidfile) S(slurmd_spooldir, slurmdspooldir) \
	S(srun_epilog, srunepilog) S(srun_prolog, srunprolog) \
	S(state_save_location, statesavelocation) \
	S(suspend_exc_nodes, suspendexcnodes) \
	S(suspend_exc_parts, suspendexcparts) \
	S(suspend_exc_states, suspendexcstates) \
	S(suspend_program, suspendprogram) \
	S(switch_param, switchparameters) S(switch_type, switchtype) \
	S(task_epilog, taskepilog) S(task_prolog, taskprolog) \
	S(task_plugin, taskplugin) S(tls_params, tlsparameters) \
	S(tls_type, tlstype) S(tmp_fs, tmpfs) \
	S(topology_param, topologyparam) S(topology_plugin, topologyplugin) \
	S(unkillable_program, unkillablestepprogram) \
	S(url_parser_type, urlparsertype) S(x11_params, x11parameters)

#define SAME_NUMBERS(N) \
	N(accounting_storage_enforce, accountingstorageenforce) \
	N(accounting_storage_port, accountingstorageport) \
	N(acct_gather_node_freq, acctgathernodefreq) \
	N(batch_start_timeout, batchstarttimeout) \
	N(complete_wait, completewait) N(cpu_freq_govs, cpufreqgovernors) \
	N(debug_flags, debugflags) N(eio_timeout, eiotimeout) \
	N(enforce_part_limits, enforcepartlimits) \
	N(epilog_msg_time, epilogmsgtime) N(epilog_timeout, epilogtimeout) \
	N(ext_sensors_freq, extsensorsfreq) N(first_job_id, firstjobid) \
	N(fs_dampening_factor, fairsharedampeningfactor) \
	N(get_env_timeout, getenvtimeout) N(group_time, groupupdatetime) \
	N(group_force, groupupdateforce) \
	N(health_check_interval, healthcheckinterval) \
	N(health_check_node_state, healthchecknodestate) \
	N(inactive_limit, inactivelimit) N(job_comp_port, jobcompport) \
	N(job_file_append, jobfileappend) N(job_requeue, jobrequeue) \
	N(kill_on_bad_exit, killonbadexit) N(kill_wait, killwait) \
	N(log_fmt, logtimeformat) N(max_array_sz, maxarraysize) \
	N(max_batch_requeue, maxbatchrequeue) N(max_dbd_msgs, maxdbdmsgs) \
	N(max_job_cnt, maxjobcount) N(max_job_id, maxjobid) \
	N(max_node_cnt, maxnodecount) N(max_step_cnt, maxstepcount) \
	N(max_tasks_per_node, maxtaskspernode) N(min_job_age, minjobage) \
	N(msg_timeout, messagetimeout) N(over_time_limit, overtimelimit) \
	N(preempt_mode, preemptmode) \
	N(preempt_exempt_time, preemptexempttime) \
	N(priority_decay_hl, prioritydecayhalflife) \
	N(priority_calc_period, prioritycalcperiod) \
	N(priority_favor_small, priorityfavorsmall) \
	N(priority_flags, priorityflags) N(priority_max_age, prioritymaxage) \
	N(priority_reset_period, priorityusageresetperiod) \
	N(priority_weight_age, priorityweightage) \
	N(priority_weight_assoc, priorityweightassoc) \
	N(priority_weight_fs, priorityweightfairshare) \
	N(priority_weight_js, priorityweightjobsize) \
	N(priority_weight_part, priorityweightpartition) \
	N(priority_weight_qos, priorityweightqos) \
	N(private_data, privatedata) \
	N(prolog_epilog_timeout, prologepilogtimeout) \
	N(prolog_timeout, prologtimeout) N(prolog_flags, prologflags) \
	N(propagate_prio_process, propagateprioprocess) \
	N(reconfig_flags, reconfigflags) N(resume_rate, resumerate) \
	N(resume_timeout, resumetimeout) N(resv_over_run, resvoverrun) \
	N(ret2service, returntoservice) \
	N(sched_log_level, slurmschedloglevel) \
	N(sched_time_slice, schedulertimeslice) \
	N(select_type_param, selecttypeparameters) \
	N(slurmctld_debug, slurmctlddebug) N(slurmctld_port, slurmctldport) \
	N(slurmctld_port_count, slurmctldport_count) \
	N(slurmctld_syslog_debug, slurmctldsyslogdebug) \
	N(slurmctld_timeout, slurmctldtimeout) N(slurmd_debug, slurmddebug) \
	N(slurmd_port, slurmdport) N(slurmd_syslog_debug, slurmdsyslogdebug) \
	N(slurmd_timeout, slurmdtimeout) \
	N(srun_port_range0, srunportrange[0]) \
	N(srun_port_range1, srunportrange[1]) \
	N(suspend_rate, suspendrate) N(suspend_time, suspendtime) \
	N(suspend_timeout, suspendtimeout) \
	N(task_plugin_param, taskpluginparam) N(tcp_timeout, tcptimeout) \
	N(tree_width, treewidth) \
	N(unkillable_timeout, unkillablesteptimeout) \
	N(vsize_factor, vsizefactor) N(wait_time, waittime) \
	N(conf_flags, conf_flags) N(def_mem_per_cpu, def_mem_mb) \
	N(max_mem_per_cpu, max_mem_mb) N(slurm_user_id, slurm_uid) \
	N(slurmd_user_id, slurmd_uid) N(hash_val, hash_val)

static void fill_same(struct fill *f)
{
#define S(to, from) f->out->to = f->c->from;
#define N(to, from) f->out->to = f->c->from;
	SAME_STRINGS(S)
	SAME_NUMBERS(N)
#undef S
#undef N
}

/* Text of defaults.def where it applies. */
static void fill_old_defaults(struct fill *f)
{
#define BEFORE(v, to, key, text) \
	if (in_releases(f, UNTIL(v)) && (!given(f->c, CONF_KEY_##key) || !f->out->to)) \
		f->out->to = text;
#include "conf/defaults.def"
#undef BEFORE
}

/* Numbers of which the default was another one. */
static void fill_old_numbers(struct fill *f)
{
	const struct conf *c = f->c;
	struct slurm_ctl_conf_msg *out = f->out;

	if (!given(c, CONF_KEY_treewidth) && in_releases(f, UNTIL(23_11)))
		out->tree_width = 50;
	if (!given(c, CONF_KEY_unkillablesteptimeout) && in_releases(f, UNTIL(24_05)))
		out->unkillable_timeout = 60;
	/* Their default was select/linear. */
	if (!given(c, CONF_KEY_selecttypeparameters) &&
	    !given(c, CONF_KEY_selecttype) && in_releases(f, UNTIL(23_11)))
		out->select_type_param = 0;
	/* ANY was four bits wide and CYCLE the top bit. */
	if (in_releases(f, UNTIL(25_11))) {
		out->health_check_node_state &= 0x010f;
		if (out->health_check_node_state & 0x0100)
			out->health_check_node_state ^= 0x8100;
	}
	/* Flags that 22.05 does not know. */
	if (in_releases(f, UNTIL(23_02)))
		out->conf_flags &= 0x07ff;
	/* Not the default it works with: stock shows nothing there. */
	if (!given(c, CONF_KEY_healthchecktimeout))
		out->health_check_timeout = 0;
	else
		out->health_check_timeout = c->healthchecktimeout;
	out->cpu_freq_def = given(c, CONF_KEY_cpufreqdef) ? c->cpufreqdef :
			    CONF_NO_VAL;
	if (!given(c, CONF_KEY_maxnodecount))
		out->max_node_cnt = c->node_count;
}

/* ---- members made of several things ---- */

/* "task/cgroup,task/affinity": sorted backwards since 23.02. */
static int plugin_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)b, *(char *const *)a);
}

static void fill_task_plugin(struct fill *f)
{
	char *words[16], *text, *save = NULL;
	struct strbuf b = {0};
	size_t n = 0;

	if (!f->c->taskplugin || in_releases(f, UNTIL(23_02)))
		return;
	text = arena_strdup(f->mem, f->c->taskplugin);
	for (char *w = strtok_r(text, ",", &save); w && n < 16;
	     w = strtok_r(NULL, ",", &save))
		words[n++] = strncmp(w, "task/", 5) == 0 ? w + 5 : w;
	qsort(words, n, sizeof(*words), plugin_cmp);
	for (size_t i = 0; i < n; i++) {
		strbuf_sep(&b, ",");
		strbuf_printf(&b, "task/%s", words[i]);
	}
	f->out->task_plugin = arena_strdup(f->mem, b.s ? b.s : "");
	strbuf_fini(&b);
}

static void fill_tres(struct fill *f)
{
	const struct conf_origin *o =
		&f->c->origin[CONF_KEY_accountingstoragetres];
	const char *dflt =
		conf_slurm_table.keys[CONF_KEY_accountingstoragetres].dflt;

	/* Releases before put their own list behind the one of the file. */
	if (o->text && in_releases(f, UNTIL(23_11)))
		f->out->accounting_storage_tres =
			arena_printf(f->mem, "%s,%s", o->text, dflt);
	else if (o->text && strcasestr(o->text, "gres/gpu") &&
		 !strcasestr(o->text, "gres/gpumem"))
		f->out->accounting_storage_tres =
			arena_printf(f->mem, "%s,gres/gpumem,gres/gpuutil",
				     f->out->accounting_storage_tres);
	if (streq(f->c->accountingstoragetype, "accounting_storage/slurmdbd"))
		f->out->accounting_storage_user = "N/A";
	if (streq(f->c->jobcomptype, "jobcomp/mysql") &&
	    !given(f->c, CONF_KEY_jobcomploc) && in_releases(f, UNTIL(23_11)))
		f->out->job_comp_loc = "slurm_jobcomp_db";
}

/* First script for releases that have one, all for the others. */
static void fill_script(const struct conf_strings *l, const char **one,
			const char ***all, uint32_t *count, struct arena *mem)
{
	*one = l->count ? l->v[0] : NULL;
	*count = l->count;
	*all = NULL;
	if (!l->count)
		return;
	*all = arena_alloc(mem, (l->count + 1) * sizeof(**all));
	for (uint32_t i = 0; i < l->count; i++)
		(*all)[i] = l->v[i];
}

static void fill_scripts(struct fill *f)
{
	struct slurm_ctl_conf_msg *out = f->out;
	const struct conf *c = f->c;

	fill_script(&c->prolog, &out->prolog, &out->prolog_list,
		    &out->prolog_list_count, f->mem);
	fill_script(&c->epilog, &out->epilog, &out->epilog_list,
		    &out->epilog_list_count, f->mem);
	fill_script(&c->prologslurmctld, &out->prolog_slurmctld,
		    &out->prolog_slurmctld_list,
		    &out->prolog_slurmctld_list_count, f->mem);
	fill_script(&c->epilogslurmctld, &out->epilog_slurmctld,
		    &out->epilog_slurmctld_list,
		    &out->epilog_slurmctld_list_count, f->mem);
}

static void fill_control(struct fill *f)
{
	const struct conf *c = f->c;
	uint32_t n = c->control_count;
	const char **hosts = arena_alloc(f->mem, (n + 1) * sizeof(*hosts));
	const char **addrs = arena_alloc(f->mem, (n + 1) * sizeof(*addrs));

	for (uint32_t i = 0; i < n; i++) {
		hosts[i] = c->control_hosts[i];
		addrs[i] = c->control_addrs[i];
	}
	f->out->control_machine = hosts;
	f->out->control_addr = addrs;
	f->out->control_machine_count = f->out->control_addr_count = n;
}

enum { JOB_DEFAULT_CPU_PER_GPU = 1, JOB_DEFAULT_MEM_PER_GPU = 2 };

static void fill_job_defaults(struct fill *f)
{
	struct job_defaults *d = arena_zalloc(f->mem, 2 * sizeof(*d));
	uint32_t n = 0;

	if (given(f->c, CONF_KEY_defcpupergpu)) {
		d[n].type = JOB_DEFAULT_CPU_PER_GPU;
		d[n++].value = f->c->defcpupergpu;
	}
	if (given(f->c, CONF_KEY_defmempergpu)) {
		d[n].type = JOB_DEFAULT_MEM_PER_GPU;
		d[n++].value = f->c->defmempergpu;
	}
	f->out->job_defaults_list = n ? d : NULL;
	f->out->job_defaults_list_count = n;
}

/* ---- key and value pairs ---- */

struct pairs {
	struct config_key_pair v[64];
	uint32_t count;
	struct arena *mem;
};

static void pair(struct pairs *p, const char *name, const char *value)
{
	if (p->count < sizeof(p->v) / sizeof(*p->v)) {
		p->v[p->count].name = name;
		p->v[p->count++].value = value;
	}
}

/* Text that may be missing; a word for that came with 24.11. */
static void pair_text(struct pairs *p, const char *name, const char *v,
		      enum wire_version release)
{
	pair(p, name, v || wire_version_in(release, UNTIL(24_11)) ? v : "(null)");
}

static void pair_bool(struct pairs *p, const char *name, bool v)
{
	pair(p, name, v ? "yes" : "no");
}

static void pair_percent(struct pairs *p, const char *name, float v)
{
	pair(p, name, arena_printf(p->mem, "%.1f%%", (double)v));
}

static void pair_number(struct pairs *p, const char *name, uint64_t v,
			const char *unit)
{
	pair(p, name, arena_printf(p->mem, "%" PRIu64 "%s", v, unit));
}

static int pair_cmp(const void *a, const void *b)
{
	const struct config_key_pair *pa = a, *pb = b;

	return strcmp(pa->name, pb->name);
}

static void pairs_take(struct pairs *p, struct config_key_pair **out,
		       uint32_t *count)
{
	qsort(p->v, p->count, sizeof(*p->v), pair_cmp);
	*out = NULL;
	*count = p->count;
	if (!p->count)
		return;
	*out = arena_alloc(p->mem, p->count * sizeof(*p->v));
	memcpy(*out, p->v, p->count * sizeof(*p->v));
}

/* What only releases up to 23.11 or 23.02 print. */
static void pairs_cgroup_old(struct pairs *p, const struct conf *c,
			     enum wire_version release)
{
	const struct conf_cgroup *g = &c->cgroup;

	if (wire_version_in(release, UNTIL(24_05))) {
		pair_bool(p, "CgroupAutomount", g->cgroupautomount);
		pair_bool(p, "ConstrainKmemSpace", g->constrainkmemspace);
		pair(p, "AllowedKmemSpace",
		     c->cgroup_origin[CONF_CGROUP_KEY_allowedkmemspace].text ?
		     arena_printf(p->mem, "%.0f Bytes",
				  (double)g->allowedkmemspace) : NULL);
		pair_percent(p, "MaxKmemPercent", g->maxkmempercent);
		pair_number(p, "MinKmemSpace", g->minkmemspace, " MB");
	}
}

static void pairs_cgroup_new(struct pairs *p, const struct conf_cgroup *g,
			     enum wire_version release)
{
	if (wire_version_in(release, SINCE(23_02)))
		pair_bool(p, "EnableControllers", g->enablecontrollers);
	if (wire_version_in(release, SINCE(24_05)))
		pair_number(p, "SystemdTimeout", g->systemdtimeout, " ms");
	if (wire_version_in(release, SINCE(25_05)))
		pair_text(p, "EnableExtraControllers",
			  g->enableextracontrollers, release);
	if (wire_version_in(release, SINCE(25_11)))
		pair_text(p, "CgroupSlice", g->cgroupslice, release);
	if (wire_version_in(release, SINCE(26_05)))
		pair_bool(p, "CgroupJobIdPaths", g->cgroupjobidpaths);
}

uint32_t conf_cgroup_pairs(const struct conf *c, enum wire_version release,
			   struct config_key_pair **out, struct arena *mem)
{
	const struct conf_cgroup *g = &c->cgroup;
	struct pairs p = {.mem = mem};
	uint32_t count;

	pair(&p, "CgroupMountpoint", g->cgroupmountpoint);
	/* 22.05 does not print the default. */
	pair(&p, "CgroupPlugin", wire_version_in(release, UNTIL(23_02)) &&
	     !c->cgroup_origin[CONF_CGROUP_KEY_cgroupplugin].text ?
	     NULL : g->cgroupplugin);
	pair_bool(&p, "ConstrainCores", g->constraincores);
	pair_bool(&p, "ConstrainRAMSpace", g->constrainramspace);
	pair_percent(&p, "AllowedRAMSpace", g->allowedramspace);
	pair_percent(&p, "MaxRAMPercent", g->maxrampercent);
	pair_number(&p, "MinRAMSpace", g->minramspace,
		    wire_version_in(release, UNTIL(24_05)) ? " MB" : "MB");
	pair_bool(&p, "ConstrainSwapSpace", g->constrainswapspace);
	pair_percent(&p, "AllowedSwapSpace", g->allowedswapspace);
	pair_percent(&p, "MaxSwapPercent", g->maxswappercent);
	pair_bool(&p, "ConstrainDevices", g->constraindevices);
	pair_bool(&p, "IgnoreSystemd", g->ignoresystemd);
	pair_bool(&p, "IgnoreSystemdOnFailure", g->ignoresystemdonfailure);
	if (c->cgroup_origin[CONF_CGROUP_KEY_memoryswappiness].text)
		pair_number(&p, "MemorySwappiness", g->memoryswappiness, "");
	else
		pair_text(&p, "MemorySwappiness", NULL, release);
	pairs_cgroup_old(&p, c, release);
	pairs_cgroup_new(&p, g, release);
	pairs_take(&p, out, &count);
	return count;
}

static bool uses_cgroup(const char *plugin)
{
	return plugin && strstr(plugin, "cgroup");
}

static void fill_cgroup(struct fill *f)
{
	const struct conf *c = f->c;

	if (uses_cgroup(c->jobacctgathertype) ||
	    uses_cgroup(c->proctracktype) || uses_cgroup(c->taskplugin))
		f->out->cgroup_conf_count =
			conf_cgroup_pairs(c, f->r->release,
					  &f->out->cgroup_conf, f->mem);
}

/* A key as its release prints it; false when that has no such key. */
static bool pair_key(struct pairs *p, const struct conf_key *k,
		     const void *base, enum wire_version release)
{
	const void *at = (const char *)base + k->offset;

	if (k->since > (int)release || k->until < (int)release)
		return false;
	switch (k->type) {
	case CONF_BOOL:
		pair_bool(p, k->name, *(const bool *)at);
		return true;
	case CONF_U32:
		pair_number(p, k->name, *(const uint32_t *)at, "");
		return true;
	default:
		pair_text(p, k->name, *(char *const *)at, release);
		return true;
	}
}

static void fill_mpi(struct fill *f)
{
	struct pairs p = {.mem = f->mem};

	/* Stock prints what its plugin says, when it is installed. */
	if (!f->r->have_pmix && !f->c->have_mpi_conf)
		return;
	for (uint32_t i = 0; i < conf_mpi_table.count; i++)
		pair_key(&p, &conf_mpi_table.keys[i], &f->c->mpi,
			 f->r->release);
	pairs_take(&p, &f->out->mpi_conf, &f->out->mpi_conf_count);
}

/* Which keys of acct_gather.conf belong to which plugin.  Stock prints all of
 * a plugin in use; of IPMI, with its many numbers, we print what is given. */
static bool gather_prints(const struct conf *c, const struct conf_key *k)
{
	const struct {
		const char *type, *plugin, *prefix;
		bool only_given;
	} plugins[] = {
		{c->acctgatherprofiletype, "hdf5", "ProfileHDF5", false},
		{c->acctgatherprofiletype, "influxdb", "ProfileInfluxDB", false},
		{c->acctgatherinterconnecttype, "ofed", "InterconnectOFED",
		 false},
		{c->acctgatherinterconnecttype, "sysfs", "Sysfs", false},
		{c->acctgatherenergytype, "ipmi", "EnergyIPMI", true},
		{c->acctgatherenergytype, "xcc", "EnergyIPMI", true},
	};
	bool is_given = c->gather_origin[k - conf_gather_table.keys].text;

	/* Secrets stay here. */
	if (strstr(k->name, "Pass") || streq(k->name, "ProfileInfluxDBUser"))
		return false;
	for (size_t i = 0; i < sizeof(plugins) / sizeof(*plugins); i++)
		if (plugins[i].type &&
		    strstr(plugins[i].type, plugins[i].plugin) &&
		    strncmp(k->name, plugins[i].prefix,
			    strlen(plugins[i].prefix)) == 0)
			return is_given || !plugins[i].only_given;
	return false;
}

static void fill_gather(struct fill *f)
{
	struct slurm_ctl_conf_msg *out = f->out;
	struct pairs p = {.mem = f->mem};

	for (uint32_t i = 0; i < conf_gather_table.count; i++)
		if (gather_prints(f->c, &conf_gather_table.keys[i]))
			pair_key(&p, &conf_gather_table.keys[i], &f->c->gather,
				 f->r->release);
	pairs_take(&p, &out->acct_gather_conf, &out->acct_gather_conf_count);
	/* Stock sends a list here, though empty. */
	if (!out->acct_gather_conf)
		out->acct_gather_conf =
			arena_alloc(f->mem, sizeof(*out->acct_gather_conf));
}

void conf_to_wire(const struct conf *c, const struct conf_runtime *r,
		  struct slurm_ctl_conf_msg *out, struct arena *mem)
{
	struct fill f = {c, r, out, mem};

	wire_init(&slurm_ctl_conf_msg_desc, out);
	fill_same(&f);
	fill_old_numbers(&f);
	fill_old_defaults(&f);
	fill_task_plugin(&f);
	fill_tres(&f);
	fill_scripts(&f);
	fill_control(&f);
	fill_job_defaults(&f);
	fill_cgroup(&f);
	fill_mpi(&f);
	fill_gather(&f);
	if (!out->plugindir)
		out->plugindir = r->plugin_dir;
	out->slurm_conf = c->path;
	out->version = r->version;
	out->last_update = r->now;
	out->boot_time = r->boot_time;
	out->next_job_id = r->next_job_id;
	if (c->debugflags & CONF_DEBUG_NO_CONF_HASH)
		out->hash_val = CONF_NO_VAL;
}
