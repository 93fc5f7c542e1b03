/* SPDX-License-Identifier: Apache-2.0
 *
 * Views: the records of an answer are those of the core, in every release, and
 * only what changed is packed again. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/view.h"
#include "wire/base/tap.h"

static const char conf_text[] =
	"ClusterName=t\nSlurmctldHost=h\nSlurmUser=root\n"
	"NodeName=n[1-200] CPUs=2 RealMemory=100\n"
	"PartitionName=p Nodes=ALL Default=YES\n";

static struct ctld ctld;

static struct job *add_job(struct core *c, uint32_t id)
{
	struct job *j = job_new();

	j->id = id;
	j->uid = id % 2 ? 1000 : 1001;
	job_str_set(j, JS_NAME, id % 3 ? "three" : "other");
	job_str_set(j, JS_PARTITION, "p");
	job_add(c, j);
	return j;
}

static uint8_t *joined(const struct answer *a, size_t *len)
{
	uint8_t *p = NULL;

	*len = 0;
	for (uint32_t i = 0; i < a->spans; i++) {
		p = mem_realloc(p, *len + a->span[i].len);
		memcpy(p + *len, chunk_bytes(a->span[i].chunk) + a->span[i].off, a->span[i].len);
		*len += a->span[i].len;
	}
	return p;
}

static bool same_jobs(enum wire_version v, view_filter *filter, uint32_t want)
{
	struct answer *a = answer_new();
	uint32_t n = view_append(&ctld, VIEW_JOBS, v, 0, filter, NULL, a);
	struct wire_out o = { 0 };
	size_t len;
	uint8_t *p = joined(a, &len);
	bool good;

	for (const struct job *j = ctld.core->job_first; j; j = j->next)
		if (!filter || filter(ctld.core, j, NULL) == VIEW_SHOW)
			view_pack_one(&ctld, VIEW_JOBS, v, 0, j, &o);
	good = n == want && len == o.len && (!len || memcmp(p, o.base, len) == 0);
	wire_out_fini(&o);
	free(p);
	answer_free(a);
	return good;
}

static enum view_choice odd_uid(const struct core *c, const void *object, void *arg)
{
	(void)c;
	(void)arg;
	return ((const struct job *)object)->uid == 1000 ? VIEW_SHOW : VIEW_SKIP;
}

/* How many chunks of b are also in a. */
static uint32_t shared(const struct answer *a, const struct answer *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->spans; i++)
		for (uint32_t k = 0; k < a->spans; k++)
			n += a->span[k].chunk == b->span[i].chunk;
	return n;
}

static struct answer *all_jobs(void)
{
	struct answer *a = answer_new();

	view_append(&ctld, VIEW_JOBS, V26_05, 0, NULL, NULL, a);
	return a;
}

static void changes(struct core *c)
{
	struct answer *before = all_jobs(), *after;
	uint32_t odd = 0;

	job_str_set(job_find(c, 500), JS_NAME, "changed");
	job_touch(c, job_find(c, 500));
	after = all_jobs();
	ok(after->spans == before->spans && shared(before, after) == after->spans - 1,
	   "one job changed: one of %u chunks is new", after->spans);
	answer_free(before);
	before = after;
	add_job(c, 1001);
	after = all_jobs();
	ok(shared(before, after) >= before->spans - 1, "a job more: the others stay");
	ok(same_jobs(V26_05, NULL, 1001), "and it is there");
	answer_free(before);
	answer_free(after);
	for (uint32_t id = 100; id < 400; id++) {
		struct job *j = job_find(c, id);

		if (id % 7)
			job_remove(c, j);
	}
	ok(same_jobs(V26_05, NULL, c->job_count), "jobs that left are gone");
	for (const struct job *j = c->job_first; j; j = j->next)
		odd += j->uid == 1000;
	ok(same_jobs(V22_05, odd_uid, odd), "... under a filter, too");
}

/* Clients of every release ask again and again. */
static void packings(struct core *c)
{
	const struct view_count *n = views_count(ctld.views);
	uint64_t before = n->packed;

	for (int round = 0; round < 3; round++)
		for (enum wire_version v = V22_05; v <= V26_05; v++) {
			struct answer *jobs = answer_new(), *nodes = answer_new();

			view_append(&ctld, VIEW_JOBS, v, 2, NULL, NULL, jobs);
			view_append(&ctld, VIEW_NODES, v, 2, NULL, NULL, nodes);
			answer_free(jobs);
			answer_free(nodes);
		}
	ok(n->packed - before == 8 * (uint64_t)(c->job_count + c->node_count),
	   "24 clients of 8 releases: every record is packed 8 times (%llu of %u)",
	   (unsigned long long)(n->packed - before), c->job_count + c->node_count);
}

int main(void)
{
	struct err_text why = { "" };
	struct conf_problems problems = { 0 };
	struct answer *a;

	ok(!conf_parse(conf_text, NULL, NULL, &ctld.conf, &problems), "configuration");
	ok(!core_new(ctld.conf, 1000, 1, &ctld.core, &why), "core %s", why.text);
	ctld.loop = loop_new();
	ctld.views = views_new(&ctld);
	ok(same_jobs(V26_05, NULL, 0), "no jobs");
	for (uint32_t id = 1; id <= 1000; id++)
		add_job(ctld.core, id);
	for (int v = 0; v < WIRE_VERSION_COUNT; v++)
		ok(same_jobs((enum wire_version)v, NULL, 1000), "1000 jobs for %s",
		   wire_version_name((enum wire_version)v));
	ok(same_jobs(V24_11, odd_uid, 500), "one user's jobs");
	changes(ctld.core);
	packings(ctld.core);
	a = answer_new();
	ok(view_append(&ctld, VIEW_NODES, V26_05, 0, NULL, NULL, a) == 200, "200 nodes");
	answer_free(a);
	views_free(ctld.views);
	return tap_done();
}
