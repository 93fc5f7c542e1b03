/* SPDX-License-Identifier: Apache-2.0
 *
 * Variables that tell which devices may be used. */
#ifndef STEPD_GRESENV_H
#define STEPD_GRESENV_H

#include <stdint.h>

struct step;
struct task;
struct envv;

/* For all tasks of the step; and what differs for one task. */
void gres_env_node(struct step *s);
void gres_env_task(const struct step *s, const struct task *t, struct envv *e);

/* The part of the devices v[n] that --tres-bind text gives a task: bits over
 * v.  Pure. */
uint64_t gres_bind(const char *bind, uint32_t ltid, const uint32_t *v, uint32_t n);

#endif
