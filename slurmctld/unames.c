/* SPDX-License-Identifier: Apache-2.0
 *
 * A table with one place for each of a few numbers: who submits now submits
 * again soon. */
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "slurmctld/unames.h"

#define PLACES 64
#define TRUST_SEC 300

static struct {
	uint32_t uid;
	time_t until;
	char name[64];
} place[PLACES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static time_t clock_sec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

void uname_of(uint32_t uid, char *name, size_t size)
{
	struct passwd pw, *found = NULL;
	uint32_t k = uid % PLACES;
	char buf[4096], got[64] = "";

	pthread_mutex_lock(&lock);
	if (place[k].uid == uid && place[k].until > clock_sec()) {
		(void)snprintf(name, size, "%s", place[k].name);
		pthread_mutex_unlock(&lock);
		return;
	}
	pthread_mutex_unlock(&lock);
	/* a name that does not fit is none */
	if (!getpwuid_r((uid_t)uid, &pw, buf, sizeof buf, &found) && found &&
	    strlen(pw.pw_name) < sizeof got)
		memcpy(got, pw.pw_name, strlen(pw.pw_name) + 1);
	pthread_mutex_lock(&lock);
	place[k].uid = uid;
	place[k].until = clock_sec() + TRUST_SEC;
	memcpy(place[k].name, got, sizeof got);
	pthread_mutex_unlock(&lock);
	(void)snprintf(name, size, "%s", got);
}
