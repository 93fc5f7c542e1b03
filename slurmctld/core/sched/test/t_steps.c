/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps inside their job, against what stock 22.05.8 did with the same srun
 * lines.  Each block is a job; "&" leaves the step running. */
#include "slurmctld/core/sched/test/world.h"
#include "wire/base/tap.h"

static const char conf_text[] =
	WORLD_HEAD
	"SelectTypeParameters=CR_Core_Memory\n"
	"GresTypes=qpu\n"
	"NodeName=c[1-4] CPUs=4 RealMemory=1000\n"
	"NodeName=d[1-4] Sockets=2 CoresPerSocket=4 ThreadsPerCore=2 RealMemory=16000\n"
	"NodeName=q[1-2] CPUs=4 RealMemory=1000 Gres=qpu:2\n"
	"PartitionName=normal Nodes=c[1-4] DefMemPerCPU=500 Default=YES MaxNodes=4\n"
	"PartitionName=big Nodes=d[1-4] DefMemPerCPU=100\n"
	"PartitionName=quantum Nodes=q[1-2]\n";
static const char gres_text[] = "NodeName=q[1-2] Name=qpu Count=2\n";

struct row {
	const char *args;       /* NULL: the next row's is a job's */
	const char *result;     /* nodes of tasks 0, 1, ...; or an error's number */
};
static const struct row rows[] = {
	{NULL, "-p big -N4 -n8 -c2"},
	{"-n8", "d1 d1 d2 d2 d3 d3 d4 d4"},
	{"-N2 -n2", "d1 d2"},
	{"-N2 -n5", "d1 d1 d1 d2 d2"},
	{"-N2-4 -n6", "d1 d1 d2 d2 d3 d4"},
	{"-N4 -n4 -m cyclic", "d1 d2 d3 d4"},
	{"-n8 -m cyclic", "d1 d2 d3 d4 d1 d2 d3 d4"},
	{"-n8 -m plane=2", "d1 d1 d2 d2 d3 d3 d4 d4"},
	{"-N1 -n1 -r2", "d3"},
	{"-w d3 -n1 -N1", "d3"},
	{"-w d2,d4 -N2 -n2", "d2 d4"},
	{"-w d4,d2 -N3 -n3", "d1 d2 d4"},
	{"-n9", "d1 d1 d1 d2 d2 d3 d3 d4 d4"},
	{"-N4 -n4 -c4", "d1 d2 d3 d4"},
	{"-N4 -n4 -c3", "d1 d2 d3 d4"},
	{"-N2 -n2 -c5", "d1 d2"},
	{"-N4 -n4 -c3 -m cyclic", "d1 d2 d3 d4"},
	{"-N1 -n1 -x d1", "d2"},
	{"-N1 -n3 -w c1", "2014"},
	{"-N3 -n3 --ntasks-per-node=1", "d1 d2 d3"},
	{"-N1 -n1 --gres=qpu:1", "2072"},
	{"-w d2,d1,d2 -N2 -n3 -m arbitrary", "d2 d1 d2"},
	{NULL, "-p big -N2 -n8 -c2"},
	{"& -N1 -n1", "d1"},
	{"-N1 -n1", "d2"},
	{"-N2 -n2", "2016"},
	{"-N2 -n2 --overlap", "d1 d2"},
	{"-N2 -n2 --exact", "2016"},
	{"-N2 -n2 --external-launcher", "d1 d2"},
	{NULL, "-p big -N1 -n8"},
	{"& -n1 --exact", "d1"},
	{"& -n1 --exact", "d1"},
	{"& -n3 --exact", "d1 d1 d1"},
	{"& --interactive", "d1"},
	{"-n1 --exact", "2016"},
	{"-n3 --exact", "2016"},
	{"-n4 --exact", "2016"},
	{"-n8 --overlap", "d1 d1 d1 d1 d1 d1 d1 d1"},
	{"-n8 -O --overlap", "d1 d1 d1 d1 d1 d1 d1 d1"},
	{NULL, "-p big -N1 -n4 --mem=1000"},
	{"& -n1 --exact --mem=600", "d1"},
	{"-n1 --exact --mem=600", "2016"},
	{"-n1 --exact --mem=300", "d1"},
	{"-n1 --exact --mem=2000", "2044"},
	{"-n1 --exact", "d1"},
	{NULL, "-p quantum -n2 --gres=qpu:2 --mem=100 -N1"},
	{"& -n1 --exact --gres=qpu:1", "q1"},
	{"& -n1 --exact --gres=qpu:1", "q1"},
	{"-n1 --exact --gres=qpu:1", "2016"},
	{"-n1 --exact --gres=none --overlap", "q1"},
	{"-n1 --exact --gres=qpu:3", "2072"},
	{NULL, "-n6"},
	{"-N3 -n6", "c1 c1 c2 c2 c3 c3"},
	{"-N3 -n3", "c1 c2 c3"},
	{"-N2 -n2", "c1 c2"},
	{"-N3 -n6 -m cyclic", "c1 c2 c3 c1 c2 c3"},
	{"-N3 -n5", "c1 c1 c2 c2 c3"},
	{"--exact -n1 -N1", "c1"},
};

static struct job *job;
static uint32_t next_step;

static void job_new_for(const char *args)
{
	struct job *j;

	world_free();
	world_new(conf_text, gres_text);
	j = world_submit(args);
	world_pass();
	ok(j->alloc, "%s: runs", args);
	job = j;
	next_step = 0;
}

static void req_words(struct job_step_create_request_msg *m, char *args, uint32_t *cpt)
{
	static char gres[64];
	char *words[32], *save = NULL;
	const char *v;
	int n = 0;

	for (char *w = strtok_r(args, " ", &save); w && n < 31; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	words[n] = NULL;
	for (int i = 0; i < n; i++) {
		const char *w = words[i];

		if (flag(w, "--mem=", &v)) {
			m->pn_min_memory = strtoull(v, NULL, 10);
		} else if (flag(w, "--ntasks-per-node=", &v)) {
			m->plane_size = (uint16_t)atoi(v);
		} else if (strcmp(w, "--gres=none") == 0) {
			m->tres_per_node = "NONE";
		} else if (flag(w, "--gres=", &v)) {
			snprintf(gres, sizeof(gres), "gres/%s", v);
			m->tres_per_node = gres;
		} else if (strcmp(w, "--exact") == 0) {
			m->flags &= ~SSF_WHOLE;
		} else if (strcmp(w, "--overlap") == 0) {
			m->flags |= SSF_OVERLAP_FORCE;
		} else if (strcmp(w, "--external-launcher") == 0) {
			m->flags |= SSF_EXT_LAUNCHER;
		} else if (strcmp(w, "-O") == 0) {
			m->flags |= SSF_OVERCOMMIT;
		} else if (strcmp(w, "-w") == 0) {
			m->node_list = words[++i];
		} else if (strcmp(w, "-x") == 0) {
			m->exc_nodes = words[++i];
		} else if (strcmp(w, "-m") == 0) {
			struct job d = {0};

			job_dist(&d, words[++i]);
			m->task_dist = d.task_dist;
			if (d.plane_size)
				m->plane_size = d.plane_size;
		} else if (flag(w, "-n", &v)) {
			m->num_tasks = (uint32_t)atoi(v);
		} else if (flag(w, "-r", &v)) {
			m->relative = (uint16_t)atoi(v);
		} else if (flag(w, "-c", &v)) {
			static char per_task[32];

			snprintf(per_task, sizeof(per_task), "cpu:%s", v);
			m->tres_per_task = per_task;
			*cpt = (uint32_t)atoi(v);
			m->flags &= ~SSF_WHOLE;
		} else if (flag(w, "-N", &v)) {
			m->min_nodes = (uint32_t)atoi(v);
			m->max_nodes = strchr(v, '-') ? (uint32_t)atoi(strchr(v, '-') + 1) :
				m->min_nodes;
		}
	}
}

static char *tasks_text(const struct step *s)
{
	struct strbuf b = {0};

	for (uint32_t t = 0; t < s->num_tasks; t++)
		for (uint32_t i = 0; i < s->node_count; i++)
			for (uint32_t k = 0; k < s->tasks[i]; k++) {
				if (s->tids[i][k] != t)
					continue;
				strbuf_sep(&b, " ");
				strbuf_add(&b, W.c->node[s->node[i]]->name);
			}
	return strbuf_take(&b);
}

static void check(const struct row *r)
{
	struct job_step_create_request_msg m;
	struct step *s = step_new();
	uint32_t cpt = 1;
	bool stays = r->args[0] == '&';
	char args[256], *t;
	enum err e;

	memset(&m, 0, sizeof(m));
	m.min_nodes = 1;
	m.relative = NO_VAL16;
	m.plane_size = NO_VAL16;
	m.threads_per_core = NO_VAL16;
	m.task_dist = DIST_BLOCK;
	m.flags = SSF_WHOLE;
	snprintf(args, sizeof(args), "%s", r->args);
	req_words(&m, args, &cpt);
	m.cpu_count = m.num_tasks * cpt;
	e = strstr(r->args, "--interactive") ? step_place_interactive(W.c, job, s) :
					       step_place(W.c, job, &m, s, NULL);
	t = e ? mem_printf("%d", (int)e) : tasks_text(s);
	ok(strcmp(t, r->result) == 0, "%s: %s", r->args, t);
	free(t);
	if (e || !stays) {
		step_free(s);
		return;
	}
	s->id = next_step++;
	s->state = JOB_RUNNING;
	s->next = job->steps;
	job->steps = s;
	step_use(W.c, job, s, true);
}

int main(void)
{
	world_new(conf_text, gres_text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].args)
			check(&rows[i]);
		else
			job_new_for(rows[i].result);
	}
	world_free();
	return tap_done();
}
