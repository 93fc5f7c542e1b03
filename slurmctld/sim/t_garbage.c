/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests with any content whatever, mixed with sensible ones: the core lives
 * on and its books stay right.  t_garbage [first seed [seeds [requests]]]; run
 * it under the sanitizers as well. */
#include "slurmctld/sim/vcluster.h"

static uint64_t seed;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % n;
}

static const char *const words[] = {
	"1", "2", "3_1", "4_[1-3]", "5_*", "c1", "c[1-4]", "c[1-99999]", "q1", "normal", "quantum",
	"normal,quantum", "", "ALL", "afterok:1", "afterany:2_1?afterok:3", "singleton",
	"after:1+2", "aftercorr:4", "1-3%2", "0-1000", "gres:qpu:1", "gres/qpu:2", "%", "+c1", "-c2",
	"99999999999", "a=b,c", "matlab:1", "\t", "[", "c[", "-1", "12_",
};

/* The codec guarantees that counts are true. */
static bool is_count(const struct wire_desc *d, const struct wire_field *f)
{
	for (const struct wire_field *o = d->field; o < d->field + d->count; o++)
		if (o->count_size && o->count_off == f->off)
			return true;
	return false;
}

/* Ids and names that exist now and then. */
static void aim(const struct wire_desc *d, void *msg)
{
	for (const struct wire_field *f = d->field; f < d->field + d->count; f++) {
		char *p = (char *)msg + f->off;

		if (f->gap || f->codec == C_layout || is_count(d, f) || rnd(3) == 0)
			continue;
		if (f->codec == C_nest) {
			aim(f->sub, p);
		} else if (f->codec == C_u32 && strstr(f->name, "id")) {
			static const uint32_t ids[] = { NO_VAL, STEP_BATCH, STEP_EXTERN };

			wire_store(p, 4, rnd(4) ? rnd(12) : ids[rnd(3)]);
		} else if (f->codec == C_u32 || f->codec == C_u16 || f->codec == C_u64) {
			if (rnd(2))
				wire_store(p, f->size, rnd(3) ? rnd(5) :
					   f->size == 2 ? NO_VAL16 : f->size == 4 ? NO_VAL :
					   NO_VAL64);
		} else if (f->codec == C_time) {
			wire_store(p, 8, rnd(2) ? 0 : 1000000 + rnd(10000));
		} else if (f->codec == C_str) {
			const char *s = rnd(4) ? words[rnd(sizeof(words) / sizeof(*words))] : NULL;

			memcpy(p, &s, sizeof(s));
		}
	}
}

static const struct wire_type *any_request(void)
{
	const struct wire_type *t;

	do
		t = &wire_types[rnd((uint32_t)wire_type_count)];
	while (!core_handles(t->number) || t->number == REQUEST_SHUTDOWN ||
	       t->number == REQUEST_CONTROL);
	return t;
}

static void request(struct vcluster *v)
{
	const struct wire_type *t = any_request();
	struct arena mem = { 0 };
	void *body = NULL;

	if (t->body) {
		uint64_t s = seed;

		body = arena_zalloc(&mem, t->body->size);
		wire_fill(t->body, body, &mem, &s, 0);
		aim(t->body, body);
	}
	rpc_as(&v->w, rnd(2) ? 0 : 1000, t->number, body);
	arena_fini(&mem);
}

static void answers(struct vcluster *v)
{
	uint32_t type[] = { REQUEST_BATCH_JOB_LAUNCH, REQUEST_TERMINATE_JOB, REQUEST_PING,
			    REQUEST_LAUNCH_PROLOG, REQUEST_ABORT_JOB };

	node_answer(&v->w, v->w.c->node[rnd(v->w.c->node_count)]->name, (uint16_t)type[rnd(5)],
		    rnd(20), rnd(4) ? E_OK : E_COMMUNICATIONS_CONNECTION_ERROR,
		    rnd(2) ? 0 : 4000 + rnd(30));
}

static void run(uint64_t first, uint32_t requests)
{
	static struct vcluster v;
	uint32_t i;

	seed = first * UINT64_C(0x9e3779b97f4a7c15) + 1;
	vcluster_begin(&v, first);
	register_all(&v.w);
	for (i = 0; i < requests && !v.fault[0]; i++) {
		request(&v);
		if (rnd(4) == 0)
			answers(&v);
		if (rnd(3) == 0 && !vcluster_step(&v) && strstr(v.fault, "acknowledged"))
			v.fault[0] = '\0';      /* jobs of this test are not its own */
		if (v.w.rows > ROWS / 2)
			break;
	}
	ok(!v.fault[0], "seed %llu: %u requests, %u jobs%s%s", (unsigned long long)first, i,
	   v.w.c->next_job_id - 1, v.fault[0] ? ": " : "", v.fault);
	vcluster_end(&v);
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint32_t seeds = argc > 2 ? (uint32_t)atoi(argv[2]) : 10;
	uint32_t requests = argc > 3 ? (uint32_t)atoi(argv[3]) : 1500;

	for (uint64_t s = first; s < first + seeds; s++)
		run(s, requests);
	return tap_done();
}
