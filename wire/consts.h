/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of the protocol that are not message types or errors: markers,
 * states, flags.  Source: the protocol notes (docs/wire.md), checked against
 * captures; the same in all eight releases unless a comment says otherwise. */
#ifndef WIRE_CONSTS_H
#define WIRE_CONSTS_H

#define NO_VAL8    0xfeu
#define NO_VAL16   0xfffeu
#define NO_VAL     0xfffffffeu
#define NO_VAL64   0xfffffffffffffffeull
#define INFINITE8  0xffu
#define INFINITE16 0xffffu
#define INFINITE   0xffffffffu
#define INFINITE64 0xffffffffffffffffull

#define STEP_PENDING     0xfffffffdu
#define STEP_EXTERN      0xfffffffcu
#define STEP_BATCH       0xfffffffbu
#define STEP_INTERACTIVE 0xfffffffau
#define STEP_MAX_NORMAL  0xfffffff0u

#define MEM_PER_CPU      0x8000000000000000ull
#define NICE_OFFSET      0x80000000u
#define SELECT_CONS_TRES 109            /* select plugin id on the wire */

/* Header flags. */
#define WIRE_FLAG_GLOBAL_AUTH_KEY 0x0001
#define WIRE_FLAG_DBD             0x0002
#define WIRE_FLAG_BCAST_NETWORK   0x0010
#define WIRE_FLAG_NO_AUTH_CRED    0x0040
#define WIRE_FLAG_PACK_ADDRS      0x0080

#define AUTH_PLUGIN_NONE  100
#define AUTH_PLUGIN_MUNGE 101
#define AUTH_PLUGIN_JWT   102
#define AUTH_PLUGIN_SLURM 103

/* mpi_plugin_id of a step: larger ones want a server on the node */
#define MPI_PLUGIN_NONE   101

#endif
