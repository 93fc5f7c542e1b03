/* SPDX-License-Identifier: Apache-2.0
 *
 * The handlers that rpcs.def names. */
#ifndef SLURMD_RPC_H
#define SLURMD_RPC_H

#include "slurmd/req.h"

/* rpc_node.c */
void rpc_ping(struct req *q);
void rpc_register(struct req *q);
void rpc_reconfigure(struct req *q);
void rpc_config_files(struct req *q);
void rpc_shutdown(struct req *q);
void rpc_debug_level(struct req *q);
void rpc_debug_flags(struct req *q);
/* verdict: the controller's, "yes" or "no"; NULL: it has none. */
void health_check_run(struct daemon *d, const char *verdict);
void rpc_node_health_check(struct req *q);
void rpc_health_check(struct req *q);
void rpc_reboot(struct req *q);
void rpc_energy_update(struct req *q);
void rpc_energy(struct req *q);
void rpc_daemon_status(struct req *q);
/* rpc_launch.c */
void rpc_prolog_check(struct req *q);
void rpc_prolog(struct req *q);
void rpc_batch_check(struct req *q);
void rpc_tasks_check(struct req *q);
void rpc_launch(struct req *q);
/* rpc_kill.c */
void rpc_terminate_job(struct req *q);
void rpc_abort_job(struct req *q);
void rpc_time_limit(struct req *q);
void rpc_preempted(struct req *q);
void rpc_signal_tasks(struct req *q);
void rpc_terminate_tasks(struct req *q);
void rpc_suspend(struct req *q);
/* rpc_mem.c */
void rpc_update_mem(struct req *q);
void rpc_mem_usage(struct req *q);
/* rpc_step.c */
void rpc_step_complete(struct req *q);
void rpc_reattach(struct req *q);
void rpc_step_stat(struct req *q);
void rpc_step_pids(struct req *q);
void rpc_job_notify(struct req *q);
void rpc_job_of_pid(struct req *q);
void rpc_callerid(struct req *q);
/* rpc_stepmgr.c */
void rpc_manage(struct req *q);
/* The end of a step that the manager looks after. */
void manage_complete(struct req *q, uint32_t job_id);
/* rpc_bcast.c */
void rpc_bcast_check(struct req *q);
void rpc_bcast(struct req *q);
void rpc_forward_data(struct req *q);

#endif
