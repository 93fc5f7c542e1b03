/* SPDX-License-Identifier: Apache-2.0
 *
 * topology.yaml as text, in and out. */
#ifndef CONF_TOPO_YAML_H
#define CONF_TOPO_YAML_H

#include "conf/topo.h"

/* A list of topologies, in mem.  E_FAIL: *why says where and what. */
enum err conf_topo_yaml_parse(const char *text, const char *path, struct arena *mem,
			      struct conf_topo **out, uint32_t *count, struct err_text *why);

#endif
