/* SPDX-License-Identifier: Apache-2.0
 *
 * Host lists stand in messages and credentials too, so they live in the base. */
#include "wire/base/hostlist.h"
