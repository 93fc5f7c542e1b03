/* SPDX-License-Identifier: Apache-2.0
 *
 * What the daemon says it is. */
#ifndef SLURMCTLD_VERSION_H
#define SLURMCTLD_VERSION_H

#define CTLD_VERSION "26.05.0"
#define CTLD_VERSION_LINE "slurm " CTLD_VERSION " (Sluice 0.1)"

#endif
