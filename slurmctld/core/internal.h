/* SPDX-License-Identifier: Apache-2.0
 *
 * What the core's files share among themselves.  Nobody else includes this. */
#ifndef SLURMCTLD_CORE_INTERNAL_H
#define SLURMCTLD_CORE_INTERNAL_H

#include "slurmctld/core/core.h"
#include "slurmctld/core/sched/sched.h"

#define NEVER INT64_MAX

/* ---- sackd.c ----------------------------------------------------------- */
void sackd_note(struct core *c, const struct event *ev, struct effects *out);
struct sackd *sackd_put(struct core *c, uint32_t id, const char *host, const struct wire_addr *addr,
			uint16_t version);
void sackd_free_all(struct core *c);

/* ---- effects.c --------------------------------------------------------- */
/* Initialised body of a message type, in the effects' arena. */
void *effects_body(struct effects *out, uint16_t type);
/* Send to nodes (NULL: none yet, the caller adds); body was made with
 * effects_body. */
struct effect *effect_nodes(struct core *c, struct effects *out, uint16_t type,
			    const void *body);
void effect_node_add(struct effect *e, const struct node *n);
struct bitset *effects_bitset(struct effects *out, uint32_t bits);
char *effects_hostlist(struct core *c, struct effects *out, const struct bitset *nodes);

/* ---- job.c ------------------------------------------------------------- */
struct job *job_new(void);                              /* defaults; not in any list */
void job_add(struct core *c, struct job *j);            /* id set */
void job_remove(struct core *c, struct job *j);         /* out of all lists, row deleted, freed */
void job_free(struct job *j);
void job_touch(struct core *c, struct job *j);          /* visible, not persistent */
void job_spec_hash(struct job *j);
struct job *job_array_first(const struct core *c, uint32_t array_job_id);
struct job *job_array_next(const struct job *j);
void job_array_link(struct core *c, struct job *j);
void core_row_gone(struct core *c, enum journal_table table, uint64_t key);
uint32_t job_next_id(struct core *c);
#define SLUID_TIME ((UINT64_C(1) << 52) - 1)
uint64_t job_next_sluid(struct core *c);
/* strings block, for images */
size_t job_strings_size(const char *block);
bool job_strings_valid(const uint8_t *p, size_t n);
/* remote.c: is that another cluster than ours?  Where we and the job's nodes are,
 * for its clients. */
bool remote_cluster(const struct core *c, const char *name);
void remote_fill(const struct core *c, struct effects *out, const struct job *j,
		 struct resource_allocation_response_msg *m);
bool remote_parse_ipv4(const char *text, uint8_t ip[4]);

char *job_nodes_text(struct core *c, const struct job *j);      /* heap */

/* ---- alloc.c ----------------------------------------------------------- */
struct job_alloc *alloc_from_placement(struct core *c, const struct placement *p);
void alloc_free(struct job_alloc *a);
/* What a job has held; frees what was known of an earlier run. */
void job_past(struct job *j, struct job_alloc *a);
/* Put the allocation's weight on the nodes (running, or completing). */
void alloc_charge(struct core *c, struct job *j);
/* Suspended: its cores go to others.  Back: false when others have them now; the
 * job then runs beside those, and weighs nothing. */
void alloc_park(struct core *c, struct job *j);
bool alloc_unpark(struct core *c, struct job *j);
/* The job ended: its nodes are completing now. */
void alloc_complete(struct core *c, struct job *j);
/* One node cleaned up.  True when it was the last one. */
bool alloc_release_node(struct core *c, struct job *j, uint32_t share);
void alloc_release_all(struct core *c, struct job *j);
/* Nodes leave a running job: what they weighed is freed, the shares move up.  The
 * core sets are the caller's to cut (resize.c). */
void alloc_give_up(struct core *c, struct job *j, const struct bitset *gone);
uint32_t alloc_find(const struct job_alloc *a, uint32_t node);  /* share index or UINT32_MAX */

/* ---- timer.c ----------------------------------------------------------- */
void timer_set(struct core *c, struct job *j);          /* after any change */
void timer_run(struct core *c, struct effects *out);    /* everything due at c->now */
void timer_drop_all(struct core *c);

/* ---- image.c ----------------------------------------------------------- */
void image_put_job(struct core *c, struct effects *out, const struct job *j);
void image_put_node(struct core *c, struct effects *out, const struct node *n);
void image_put_part(struct core *c, struct effects *out, const struct part *p);
void image_put_meta(struct core *c, struct effects *out);
struct trigger;
void image_put_sackd(struct core *c, struct effects *out, const struct sackd *s);
void image_put_crontab(struct core *c, struct effects *out, const struct crontab *t);
void image_put_trigger(struct core *c, struct effects *out, const struct trigger *t);
struct resv;
void image_put_resv(struct core *c, struct effects *out, const struct resv *r);
enum err image_load(struct core *c, enum journal_table t, uint64_t key, const uint8_t *image,
		    size_t len, struct err_text *why);
void job_defaults(struct job *j);
uint64_t name_key(const char *name);

/* ---- node.c, part.c ---------------------------------------------------- */
enum err node_build_all(struct core *c, struct err_text *why);
void node_hash_build(struct core *c);
struct node *node_new(struct core *c, const struct conf_node *cn);
void node_from_conf(struct core *c, struct node *n, const struct conf_node *cn);
void node_free(struct node *n);
void node_touch(struct core *c, struct node *n);        /* visible, not persistent */
void node_set_str(char **where, const char *value);
void gres_types_build(struct core *c);
void part_build_all(struct core *c);
struct part *part_new(struct core *c, const char *name);
void part_from_conf(struct core *c, struct part *p, const struct conf_part *cp);
void part_free(struct part *p);
void part_dirty(struct core *c, struct part *p);
void part_count(struct core *c, struct part *p);        /* totals of its nodes */
void part_nodes_index(struct core *c);                  /* node->parts of all */
/* Nodes named by a host list (every one must exist). */
enum err nodes_parse(const struct core *c, const char *text, struct bitset *set,
		     struct err_text *why);

/* ---- step.c ------------------------------------------------------------ */
struct step *step_new(void);
void step_free(struct step *s);
void step_add(struct job *j, struct step *s);
/* Resources of a step that ended go back to its job; unlinked and freed. */
void step_remove(struct core *c, struct job *j, struct step *s);
void step_use(struct core *c, struct job *j, struct step *s, bool add);
/* Every rank reported: removes it and wakes those that wait for room. */
void step_ended(struct core *c, struct job *j, struct step *s, struct effects *out);
/* Those that wait for room, or for the job to go on, are to ask again. */
void steps_wake(struct job *j, struct effects *out);
void steps_remove_all(struct core *c, struct job *j);
void steps_time_limits(struct core *c, struct job *j, struct effects *out);

/* ---- cred.c ------------------------------------------------------------ */
void cred_fill_job(struct core *c, struct effects *out, const struct job *j, struct cred *cr);
void cred_fill_step(struct core *c, struct effects *out, const struct job *j,
		    const struct step *s, struct cred *cr);
/* Run-length form of per-node values, in the effects' arena. */
uint32_t cpu_groups(struct effects *out, const struct job *j, uint16_t **value,
		    uint32_t **reps);
void job_gres_fill(struct core *c, struct effects *out, const struct job *j,
		   struct gres_job_rec **list, uint32_t *count);
/* Stock's number for a gres name. */
uint32_t gres_id(const char *name);
#define GRES_MAGIC 0x438a34d4u
/* The node's gres as a step manager gets them. */
void node_gres_records(struct core *c, struct effects *out, const struct node *n,
		       struct node_record *m);
void gres_prep_fill(struct core *c, struct effects *out, const struct job *j,
		    struct gres_prep **list, uint32_t *count);

/* ---- managed.c: jobs whose steps a step manager has ----------------------- */
/* Was it asked for, and can the submitting client do it? */
void manager_wish(struct core *c, const struct event *ev, struct job *j);
/* The job has its nodes now: can they? */
void manager_choose(struct core *c, struct job *j, struct effects *out);
/* The oldest release among its nodes and its client. */
enum wire_version manager_release(const struct core *c, const struct job *j);
/* It is not there yet: its node's prolog runs. */
bool manager_starts(const struct core *c, const struct job *j);
/* Tell the client where to ask; false: here. */
bool manager_reroute(struct core *c, const struct event *ev, const struct job *j,
		     struct effects *out);
/* Send it what concerns its steps; false: there is none to tell. */
bool manager_pass(struct core *c, const struct job *j, uint16_t type, const void *body,
		  struct effects *out);

/* ---- jobenv.c ---------------------------------------------------------- */
/* For programs at the controller; ended by NULL, in the effects' arena. */
const char **job_environment(struct core *c, struct effects *out, const struct job *j,
			     bool has_ended);
struct effect *effect_run(struct effects *out, enum run_kind kind, const char *const *argv);

/* "NO", "YES": does it share its nodes? */
const char *job_share_text(const struct job *j);

/* ---- power.c ----------------------------------------------------------- */
bool power_enabled(const struct core *c);
void power_setup(struct core *c);       /* after the configuration, or a partition, changed */
void power_free(struct core *c);
void power_run(struct core *c, struct effects *out);
void power_wanted(struct core *c);      /* something may be to do now */
void power_is_down(struct core *c, struct node *n);
/* Is it a state of power that an admin can ask for?  Do it. */
bool power_change_known(uint32_t want);
void power_change(struct core *c, struct node *n, uint32_t want, uint32_t uid,
		  struct effects *out);

/* ---- topo.c ------------------------------------------------------------ */
/* From the configuration and what nodes say: when either changed as a whole. */
void topo_build_all(struct core *c);
void topo_free_all(struct core *c);
/* As in slurm.conf's Topology=; "": in none.  Nothing changed on failure. */
enum err node_topology_set(struct core *c, struct node *n, const char *text);
/* Seconds a job may wait for fewer switches: SchedulerParameters=max_switch_wait. */
uint32_t switch_wait(const struct core *c, uint32_t asked);
/* Of the jobs of a partition. */
const struct topo *part_topo(const struct core *c, const struct part *p);
/* By its name (NULL: the cluster's own); NULL: there is none. */
struct topo *topo_named(const struct core *c, const char *name);

/* ---- prep.c ------------------------------------------------------------ */
/* The job has its nodes: it is launched as soon as all is ready. */
void prep_begin(struct core *c, struct job *j, struct effects *out);
void prep_check(struct core *c, struct job *j, struct effects *out);
/* It gives its nodes back. */
void prep_end(struct core *c, struct job *j, struct effects *out);
void prep_program(struct core *c, const struct event *ev, struct effects *out);
void prep_restart(struct core *c, struct job *j, struct effects *out);

/* ---- mail.c ------------------------------------------------------------ */
enum mail_type {
	MAIL_BEGIN = 1, MAIL_END = 2, MAIL_FAIL = 4, MAIL_REQUEUE = 8, MAIL_TIME100 = 0x10,
	MAIL_TIME90 = 0x20, MAIL_TIME80 = 0x40, MAIL_TIME50 = 0x80, MAIL_ARRAY_TASKS = 0x200,
	MAIL_INVALID_DEPEND = 0x400
};
/* memlimit.c: does a request keep to MaxMemPerNode or MaxMemPerCPU?  _apply gives
 * a job that wants more per CPU more CPUs. */
bool mem_limit_desc(const struct core *c, const struct part *p, const struct job_desc_msg *d,
		    uint64_t mem, uint32_t tasks);
void mem_limit_apply(const struct core *c, const struct part *p, struct job *j);

/* An expression of features as it is kept: a comma is "&". */
void feature_str_set(struct job *j, enum job_string which, const char *expr);

void mail_event(struct core *c, const struct job *j, uint16_t type, struct effects *out);
void mail_started(struct core *c, const struct job *j, struct effects *out);
/* again: it goes back to the queue. */
void mail_ended(struct core *c, const struct job *j, uint32_t state, bool again,
		struct effects *out);
/* Parts of the time limit: when the next is due, and the letters due now. */
int64_t mail_time_due(const struct job *j);
void mail_time(struct core *c, struct job *j, struct effects *out);

/* ---- launch.c ---------------------------------------------------------- */
extern const struct sched_ops core_sched_ops;
void job_launch(struct core *c, struct job *j, struct effects *out);
void job_environment_add(struct core *c, struct effects *out, const struct job *j, bool granted,
			 const char ***env, uint32_t *count);
void job_start(struct core *c, struct job *j, const struct placement *p, bool backfill,
	       struct effects *out);
void job_tres_note(struct core *c, struct job *j);       /* JS_TRES_ALLOC of what it holds */
void job_list_split(struct effects *out, const struct job *j, enum job_string which,
		    const char ***v, uint32_t *n);
void job_launch_prolog(struct core *c, struct job *j, struct effects *out);
void job_launch_batch(struct core *c, struct job *j, struct effects *out);
struct resource_allocation_response_msg *alloc_response(struct core *c, struct effects *out,
							const struct job *j, uint16_t type);
/* granted: to whom the allocation is given now, not who asks about it. */
void alloc_response_fill(struct core *c, struct effects *out, const struct job *j, bool granted,
			 struct resource_allocation_response_msg *m);
uint16_t job_common_release(const struct core *c, const struct job *j,
			    enum wire_version client);
enum err client_may_meet(const struct event *ev, const struct node *n, enum wire_version v,
			 struct err_text *why);
void job_notify_alloc(struct core *c, struct job *j, struct effects *out);
void job_prolog_done(struct core *c, struct job *j, struct effects *out);
const char *job_cpus_per_node(struct effects *out, const struct job *j);        /* "4(x2),1" */
const char *job_tasks_per_node(const struct core *c, struct effects *out,
			       const struct job *j);    /* "2(x3),1" */
uint32_t batch_environment(struct core *c, struct effects *out, const struct job *j,
			   const char ***env);

void step_id_fill(const struct job *j, uint32_t step, struct step_id_members *id);
bool job_wants_prolog(const struct core *c);

/* ---- finish.c ---------------------------------------------------------- */
/* A running, suspended or pending job gets a final state (base state, maybe
 * with flags).  Frees or completes its nodes, tells its srun, wakes
 * dependents. */
void job_end(struct core *c, struct job *j, uint32_t state, struct effects *out);
/* As stock reads a wait status: which final state, reason. */
void job_end_status(struct core *c, struct job *j, uint32_t status, struct effects *out);
/* Back to the queue.  flags: JOB_REQUEUE_HOLD, JOB_SPECIAL_EXIT or 0. */
void job_requeue(struct core *c, struct job *j, uint32_t flags, int64_t delay_sec,
		 struct effects *out);
/* Nodes leave a running job that goes on with the others; failed: they are not
 * there to be told.  Nothing happens when no node would be left. */
void job_shrink(struct core *c, struct job *j, const struct bitset *gone, bool failed,
		struct effects *out);
enum err job_resize_to(struct core *c, struct job *j, const char *list, struct effects *out);
enum err job_resize_count(struct core *c, struct job *j, uint32_t count, struct effects *out);
/* REQUEST_ABORT_JOB: these drop the job without reporting. */
void job_abort_nodes(struct core *c, struct job *j, const struct bitset *nodes,
		     struct effects *out);
void job_terminate_nodes(struct core *c, struct job *j, uint16_t type, struct effects *out);
void job_node_clean(struct core *c, struct job *j, struct node *n, struct effects *out);
/* Nothing of it is left anywhere: the job is completed. */
void job_clean_check(struct core *c, struct job *j, struct effects *out);
void job_timed_out(struct core *c, struct job *j, struct effects *out);
void job_purge(struct core *c, struct job *j, struct effects *out);
void job_tell_srun(struct core *c, struct job *j, uint16_t type, const void *body,
		   struct effects *out);
void job_srun_complete(struct core *c, struct job *j, struct effects *out);
int64_t job_limit_end(const struct core *c, const struct job *j);

/* ---- depend.c ---------------------------------------------------------- */
/* Check and store a --dependency text ("" or "0" clears). */
enum err depend_set(struct core *c, struct job *j, const char *text, struct err_text *why);
enum depend_result { DEPEND_MET, DEPEND_WAIT, DEPEND_NEVER };
enum depend_result depend_test(struct core *c, struct job *j);
/* Job ended or started: look at everyone who waits for something. */
/* Job j started or ended. */
void depend_wake(struct core *c, const struct job *j, struct effects *out);
void depend_await_all(struct core *c);
bool licenses_valid(const struct core *c, const char *text);
void depend_link(struct core *c, struct job *j);
void depend_unlink(struct core *c, struct job *j);
void depend_refresh(struct core *c, struct job *j, struct effects *out);

/* ---- het.c ------------------------------------------------------------- */
struct job *het_find(const struct core *c, uint32_t id, uint32_t offset);       /* "12+1" */
uint32_t het_count(const struct job *leader);
void het_link(struct core *c, struct job *j);
void het_unlink(struct core *c, struct job *j);
void het_link_all(struct core *c);
/* SchedulerParameters=whole_hetjob: an order to one is an order to all. */
bool het_is_whole(const struct core *c);
/* All that were to start have started: the script goes, the client is told. */
void het_launch(struct core *c, struct job *j, struct effects *out);
void het_notify_alloc(struct core *c, struct job *j, struct effects *out);
struct job_info_list_msg *het_response(struct core *c, struct effects *out, struct job *leader,
				       struct job_info_list_msg *m);
/* What the script's environment says of every component. */
void het_environment(const struct core *c, struct effects *out, const struct job *j,
		     const char ***v, uint32_t *n);
/* --requeue: the leader's word; what it has ended does not start again. */
bool het_may_requeue(const struct core *c, const struct job *j);
/* job_requeue, job_end for all components, or for j when it is no component. */
void het_requeue(struct core *c, struct job *j, uint32_t flags, int64_t delay_sec,
		 struct effects *out);
void het_end(struct core *c, struct job *j, uint32_t state, struct effects *out);
void het_pending_ended(struct core *c, struct job *j, uint32_t state, struct effects *out);
int64_t het_purge_at(const struct core *c, const struct job *leader);

/* ---- submit.c, array.c ------------------------------------------------- */
/* Validate and build a job record that is in no list yet.  The job is heap;
 * NULL on failure. */
enum err submit_build(struct core *c, const struct event *ev, const struct job_desc_msg *d,
		      bool batch, struct job **out, struct err_text *why);
/* A batch job in no list yet, and its way into the queue.  *later: why it may
 * have to wait. */
enum err submit_batch_prepare(struct core *c, const struct event *ev, struct job **out,
			      enum err *later, struct err_text *why);
void submit_batch_enter(struct core *c, const struct job_desc_msg *d, struct job *j,
			struct effects *out);
/* submit_build and whether the job could ever run: *later is a code for the
 * user though it stays queued. */
enum err submit_prepare(struct core *c, const struct event *ev, const struct job_desc_msg *d,
			bool batch, struct job **out, enum err *later, struct err_text *why);
void submit_enter(struct core *c, const struct job_desc_msg *d, struct job *j,
		  const struct job *leader);
void submit_keep_script(const struct job_desc_msg *d, const struct job *j, struct effects *out);
enum err submit_valid_id(const struct event *ev, const struct job_desc_msg *d, uint32_t *uid,
			 uint32_t *gid);
enum err array_parse(const struct core *c, const char *text, struct job_array **out);
void array_free(struct job_array *a);
/* The record of the next pending task (or of task) ready to be started: a new
 * job, or the head itself when it is the last one. */
struct job *array_split(struct core *c, struct job *head, uint32_t task);
struct job *array_head(const struct core *c, const struct job *j);
enum err part_list_of(struct core *c, const char *text, struct part **first,
		      struct err_text *why);

/* ---- targets.c --------------------------------------------------------- */
struct job_target {
	struct job *j;
	uint32_t task;          /* one task still inside j->array, or NO_VAL: all of j */
};
struct job_targets {
	struct job_target *v;
	uint32_t count;
	bool part;              /* one component of a heterogeneous job, not its leader */
	bool by_offset;         /* it was named as "12+1" */
	bool array;             /* an array or tasks of one were named, not a job */
	uint32_t id;            /* ... the array's */
	struct bitset *missing; /* ... tasks that do not exist; NULL none */
};
/* E_INVALID_JOB_ID also when none of an array's named tasks exists; t tells
 * which those are then. */
enum err job_targets_find(struct core *c, const char *text, uint32_t id, struct arena *mem,
			  struct job_targets *t);
void job_targets_whole(struct core *c, struct arena *mem, struct job_targets *t);
/* The answer to an order to several: a code, or of an array each code with the
 * tasks that got it.  rc: of each target; why: words for E_NOT_SUPPORTED. */
void job_targets_reply(struct core *c, const struct event *ev, const struct job_targets *t,
		       const enum err *rc, const char *why, struct effects *out);
/* JS_TRES_REQ after the job's size. */
void job_note_tres(struct core *c, struct job *j);
/* Best answer for a set: success when one succeeded, unless all had ended. */
enum err job_targets_signal(struct core *c, const struct event *ev, struct job_targets *t,
			    uint16_t signal, uint16_t flags, struct effects *out);
/* A record of its own for that task. */
struct job *job_target_alone(struct core *c, const struct job_target *t);
/* The owner, operators and root. */
bool job_may_act(const struct event *ev, const struct job *j);
enum err job_signal(struct core *c, struct job *j, uint16_t signal, uint16_t flags,
		    uint32_t uid, struct effects *out);
/* A task that never got a record of its own just leaves the array. */
enum err array_task_signal(struct core *c, const struct job_target *t, uint16_t signal,
			   uint32_t uid, struct effects *out);
/* A step's tasks, on all its nodes (NULL) or those of them; SIGKILL ends it there. */
void step_signal(struct core *c, const struct job *j, const struct step *s, uint16_t signal,
		 uint16_t flags, const struct bitset *nodes, struct effects *out);
void effect_signal(struct core *c, struct effects *out, const struct job *j, uint32_t step_id,
		   uint16_t signal, uint16_t flags, const struct bitset *nodes);

/* ---- node_events.c ----------------------------------------------------- */
void job_tell_node_fail(struct core *c, struct job *j, const struct node *n,
			struct effects *out);
void node_down(struct core *c, struct node *n, const char *reason, struct effects *out);
void node_kill_jobs(struct core *c, struct node *n, struct effects *out);
void ping_run(struct core *c, struct effects *out);
/* Now and then: groups, nodes that wait for a reboot. */
#define SWEEP_SEC 60
void reboot_idle(struct core *c, struct effects *out);
void health_run(struct core *c, struct effects *out);
void sweep_run(struct core *c, struct effects *out);
void node_result(struct core *c, const struct event *ev, struct effects *out);
void node_responded(struct core *c, struct node *n, struct effects *out);
/* Off, or on its way there or back: nobody answers. */
#define NODE_POWER_AWAY (NODE_STATE_POWERED_DOWN | NODE_STATE_POWERING_DOWN | \
			 NODE_STATE_POWERING_UP)
bool node_worth_asking(const struct node *n);
void node_ask_register(struct core *c, const struct bitset *nodes, struct effects *out);
void nodes_reboot(struct core *c, const struct bitset *set, const struct reboot_msg *m,
		  struct effects *out);
void node_drain(struct core *c, struct node *n, const char *reason, uint32_t uid);

/* ---- request handlers -------------------------------------------------- */
core_rpc rpc_submit_batch, rpc_alloc, rpc_will_run, rpc_submit_het, rpc_alloc_het;
core_rpc rpc_alloc_info, rpc_het_alloc_info, rpc_job_ready, rpc_job_end_time, rpc_batch_script,
	rpc_job_notify, rpc_sbcast_cred, rpc_sbcast_cred_no_job, rpc_resource_layout;
core_rpc rpc_complete_alloc, rpc_complete_batch, rpc_complete_prolog, rpc_epilog_complete;
core_rpc rpc_requeue, rpc_kill_job, rpc_kill_jobs, rpc_cancel_step, rpc_suspend;
core_rpc rpc_update_job, rpc_update_step, rpc_top_job;
core_rpc rpc_step_create, rpc_step_complete, rpc_step_layout;
core_rpc rpc_node_register, rpc_update_node, rpc_reboot_nodes;
core_rpc rpc_create_part, rpc_update_part, rpc_delete_part;
core_rpc rpc_crontab, rpc_update_crontab;
core_rpc rpc_suspend_exc;
core_rpc rpc_trigger_set, rpc_trigger_clear, rpc_trigger_pull;
core_rpc rpc_create_resv, rpc_update_resv, rpc_delete_resv;
core_rpc rpc_shutdown, rpc_reconfigure, rpc_debug_level, rpc_debug_flags, rpc_stats,
	rpc_takeover, rpc_control;
void reconfig_apply(struct core *c, const struct event *ev, struct effects *out);
void groups_apply(struct core *c, const struct event *ev);

static inline bool time_due(int64_t t, int64_t now) { return t && t <= now; }

#endif
