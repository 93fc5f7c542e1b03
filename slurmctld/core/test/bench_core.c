/* SPDX-License-Identifier: Apache-2.0
 *
 * Not a test: how long the core takes for many pending jobs, and what they
 * weigh.  bench_core [jobs] */
#include <malloc.h>
#include <time.h>

#include "slurmctld/core/test/world.h"

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct kept {
	uint64_t key;
	uint8_t *image;
	size_t len;
};

int main(int argc, char **argv)
{
	static struct world w;
	uint32_t n = argc > 1 ? (uint32_t)atoi(argv[1]) : 50000, kept = 0;
	struct kept *k = calloc(n, sizeof(*k));
	struct job_desc_msg *d;
	struct err_text why;
	size_t bytes = 0;
	size_t before;
	double t;

	world_begin(&w, "ClusterName=b\nSlurmctldHost=x\nMaxJobCount=1000000\n"
		    "NodeName=n[1-100] CPUs=16 RealMemory=64000\n"
		    "PartitionName=p Nodes=ALL Default=YES\n");
	before = mallinfo2().uordblks;
	t = cpu_ms();
	for (uint32_t i = 0; i < n; i++) {
		struct event ev = {
			.kind = EV_RPC, .type = REQUEST_SUBMIT_BATCH_JOB, .now = w.now,
			.caller = { .uid = 1000, .gid = 1000, .version = V24_11, .host = "l" },
		};

		d = desc(&w, true);
		d->submit_line = "sbatch --wrap=hostname -n1 --time=5";
		ev.body = d;
		effects_reset(&w.out);
		core_step(w.c, &ev, &w.out);
		for (uint32_t e = 0; e < w.out.count; e++)
			if (w.out.v[e].kind == EFF_PUT && w.out.v[e].table == TAB_JOB) {
				k[kept].key = w.out.v[e].key;
				k[kept].len = w.out.v[e].image_len;
				k[kept].image = memcpy(malloc(k[kept].len), w.out.v[e].image,
						       k[kept].len);
				bytes += k[kept++].len;
			}
	}
	t = cpu_ms() - t;
	printf("%u submits: %.1f ms, %.2f us each\n", n, t, t * 1e3 / n);
	printf("memory: %.0f bytes a job (sizeof %zu); image %.0f bytes\n",
	       (double)(mallinfo2().uordblks - before - bytes - 16.0 * n) / n,
	       sizeof(struct job), (double)bytes / n);
	t = cpu_ms();
	sched(&w);
	printf("scheduling pass without usable nodes: %.1f ms\n", cpu_ms() - t);
	core_free(w.c);
	if (core_new(w.conf, w.now, 1, &w.c, &why) != E_OK)
		return 1;
	t = cpu_ms();
	for (uint32_t i = 0; i < kept; i++)
		if (core_load(w.c, TAB_JOB, k[i].key, k[i].image, k[i].len, &why) != E_OK) {
			printf("load: %s\n", why.text);
			return 1;
		}
	printf("%u loads: %.1f ms\n", kept, cpu_ms() - t);
	t = cpu_ms();
	effects_reset(&w.out);
	core_start(w.c, w.now, &w.out);
	printf("start: %.1f ms\n", cpu_ms() - t);
	return 0;
}
