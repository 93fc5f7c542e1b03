/* SPDX-License-Identifier: Apache-2.0
 *
 * Members of struct conf, one per row of keys.def (or of the other tables).  Included inside the
 * struct, so there is no guard and nothing else in here. */
#define CONF_M_STR(m)     char *m;
#define CONF_M_U16(m)     uint16_t m;
#define CONF_M_U32(m)     uint32_t m;
#define CONF_M_U64(m)     uint64_t m;
#define CONF_M_BOOL(m)    bool m;
#define CONF_M_FLOAT(m)   float m;
#define CONF_M_LIST(m)    struct conf_strings m;
#define CONF_M_LEVEL(m)   uint16_t m;
#define CONF_M_FLAGS16(m) uint16_t m;
#define CONF_M_FLAGS32(m) uint32_t m;
#define CONF_M_FLAGS64(m) uint64_t m;
#define CONF_M_ENUM16(m)  uint16_t m;
#define CONF_M_ENUM32(m)  uint32_t m;
#define CONF_M_SECS(m)    uint32_t m;
#define CONF_M_MINS(m)    uint32_t m;
#define CONF_M_SUSPEND(m) uint32_t m;
#define CONF_M_PORTS(m)   uint16_t m, m##_count;
#define CONF_M_RANGE16(m) uint16_t m[2];
#define CONF_M_LINE(m)

#define KEY(member, name, type, ...) CONF_M_##type(member)
#if defined(CONF_MEMBERS_CGROUP)
#include "conf/cgroup_keys.def"
#elif defined(CONF_MEMBERS_MPI)
#include "conf/mpi_keys.def"
#elif defined(CONF_MEMBERS_GATHER)
#include "conf/acct_gather_keys.def"
#else
#include "conf/keys.def"
#endif
#undef KEY

#undef CONF_M_STR
#undef CONF_M_U16
#undef CONF_M_U32
#undef CONF_M_U64
#undef CONF_M_BOOL
#undef CONF_M_FLOAT
#undef CONF_M_LIST
#undef CONF_M_LEVEL
#undef CONF_M_FLAGS16
#undef CONF_M_FLAGS32
#undef CONF_M_FLAGS64
#undef CONF_M_ENUM16
#undef CONF_M_ENUM32
#undef CONF_M_SECS
#undef CONF_M_MINS
#undef CONF_M_SUSPEND
#undef CONF_M_PORTS
#undef CONF_M_RANGE16
#undef CONF_M_LINE
