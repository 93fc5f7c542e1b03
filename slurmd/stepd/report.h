/* SPDX-License-Identifier: Apache-2.0
 *
 * What others are told of the step: srun and sattach, the parent in the tree,
 * slurmctld.  Two threads send, each in order, because every call blocks; they
 * work on copies only. */
#ifndef STEPD_REPORT_H
#define STEPD_REPORT_H

#include "slurmd/stepd/step.h"

/* idle is called from the event loop when everything queued was delivered. */
struct reporter *report_new(struct step *s, void (*idle)(struct step *s));
bool report_idle(const struct reporter *r);
/* The job ends: a step manager that does not answer is not waited for. */
void report_job_over(struct reporter *r);
/* Ends the thread; pending messages are lost.  NULL is a no-op. */
void report_free(struct reporter *r);

/* RESPONSE_LAUNCH_TASKS to srun: rc 0 or why nothing runs. */
void report_launch(struct step *s, uint32_t rc);
/* MESSAGE_TASK_EXIT for tasks that ended since; one message a status. */
void report_exits(struct step *s);
/* REQUEST_STEP_COMPLETE for this node and the children heard of. */
void report_complete(struct step *s, uint32_t step_rc);
/* REQUEST_COMPLETE_BATCH_SCRIPT. */
void report_batch(struct step *s, uint32_t job_rc, uint32_t slurm_rc);
/* The step uses more than it has been given. */
void report_over_memory(struct step *s);

#endif
