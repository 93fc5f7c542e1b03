/* SPDX-License-Identifier: Apache-2.0
 *
 * Launch credentials: signed and checked in every release, what a node may not
 * be tricked into, what it remembers, and its share of the captured ones. */
#include "auth/method.h"
#include "auth/test/munged.h"
#include "wire/base/hostlist.h"
#include "wire/base/tap.h"

static uint16_t sockets[] = { 2, 1 }, cores[] = { 4, 2 };
static uint32_t reps[] = { 2, 1 }, cpu_reps[] = { 1, 2 }, mem_reps[] = { 3 };
static uint16_t cpus[] = { 8, 2 };
static uint64_t job_mem[] = { 1000 }, step_mem[] = { 500, 0 };
static uint32_t step_reps[] = { 1, 1 };

/* n1 and n2 have 2 x 4 cores, n3 has 1 x 2: 18 in all. */
static void cred_fill(struct cred *c, struct bitset **maps)
{
	wire_init(&cred_desc, c);
	c->step_id.job_id = 42;
	c->step_id.step_id = 0;
	c->step_id.step_het_comp = NO_VAL;
	c->id.uid = 1000;
	c->id.gid = 1000;
	c->job_core_spec = (uint16_t)NO_VAL16;
	c->job_partition = "normal";
	c->job_hostlist = "n[1-3]";
	c->step_hostlist = "n[1,3]";
	c->ctime = 1000000;
	c->tot_core_cnt = 18;
	c->job_core_bitmap = maps[0];
	c->step_core_bitmap = maps[1];
	c->core_array_size = 2;
	c->sockets_per_node = sockets, c->sockets_per_node_count = 2;
	c->cores_per_socket = cores, c->cores_per_socket_count = 2;
	c->sock_core_rep_count = reps, c->sock_core_rep_count_count = 2;
	c->cpu_array_count = 2;
	c->cpu_array = cpus, c->cpu_array_n = 2;
	c->cpu_array_reps = cpu_reps, c->cpu_array_reps_count = 2;
	c->job_nhosts = 3;
	c->job_ntasks = 3;
	c->job_mem_alloc_size = 1;
	c->job_mem_alloc = job_mem, c->job_mem_alloc_count = 1;
	c->job_mem_alloc_rep_count = mem_reps, c->job_mem_alloc_reps = 1;
	c->step_mem_alloc_size = 2;
	c->step_mem_alloc = step_mem, c->step_mem_alloc_count = 2;
	c->step_mem_alloc_rep_count = step_reps, c->step_mem_alloc_reps = 2;
}

static void maps_new(struct bitset **maps)
{
	maps[0] = bitset_new(18);
	maps[1] = bitset_new(18);
	(void)bitset_from_ranges(maps[0], "0-3,8-9,16-17");
	(void)bitset_from_ranges(maps[1], "0-1,17");
}

static void test_share(void)
{
	struct bitset *maps[2];
	struct cred c;
	struct cred_node_share s;
	struct arena mem = {0};
	struct err_text why;

	maps_new(maps);
	cred_fill(&c, maps);
	ok(cred_node_share(&c, "n1", &mem, &s, &why) == E_OK, "n1 has a share");
	ok(s.job_node_index == 0 && s.step_node_index == 0 && s.sockets == 2 &&
	   s.cores_per_socket == 4 && bitset_count(s.job_cores) == 4 &&
	   bitset_count(s.step_cores) == 2 && s.job_cpus == 8 &&
	   cred_step_cpus(&s, 16) == 4 && cred_step_cpus(&s, 8) == 2 && cred_step_cpus(&s, 4) == 2 &&
	   s.job_mem_mb == 1000 && s.step_mem_mb == 500, "n1's cores, CPUs and memory");
	ok(cred_node_share(&c, "n3", &mem, &s, &why) == E_OK, "n3 has a share");
	ok(s.job_node_index == 2 && s.step_node_index == 1 && s.sockets == 1 &&
	   s.cores_per_socket == 2 && bitset_count(s.job_cores) == 2 &&
	   bitset_test(s.step_cores, 1) && bitset_count(s.step_cores) == 1 && s.job_cpus == 2 &&
	   cred_step_cpus(&s, 2) == 1 && s.step_mem_mb == 1000, "n3's: step memory falls back to the job's");
	ok(cred_node_share(&c, "n2", &mem, &s, &why) == E_D_INVALID_JOB_CREDENTIAL,
	   "n2 is in the job but not in the step: %s", why.text);
	c.step_hostlist = "n[1-9]";
	ok(cred_node_share(&c, "n7", &mem, &s, &why) == E_D_INVALID_JOB_CREDENTIAL,
	   "in the step but not in the job: %s", why.text);
	c.job_nhosts = 1;
	ok(cred_node_share(&c, "n2", &mem, &s, &why) == E_D_INVALID_JOB_CREDENTIAL,
	   "beyond the node count: %s", why.text);
	c.job_nhosts = 3;
	c.tot_core_cnt = 10;
	ok(cred_node_share(&c, "n3", &mem, &s, &why) == E_D_INVALID_JOB_CREDENTIAL,
	   "beyond the cores: %s", why.text);
	c.step_hostlist = "n[";
	ok(cred_node_share(&c, "n1", &mem, &s, &why) == E_D_INVALID_JOB_CREDENTIAL,
	   "bad host list: %s", why.text);
	c.step_hostlist = NULL;
	ok(cred_node_share(&c, "n1", &mem, &s, &why) == E_D_INVALID_JOB_CREDENTIAL,
	   "no host list");
	arena_fini(&mem);
	bitset_free(maps[0]);
	bitset_free(maps[1]);
}

static void test_cache(void)
{
	struct cred_cache *k = cred_cache_new(120);
	struct sbcast_cred_signed sb;
	struct cred c;

	wire_init(&cred_desc, &c);
	c.step_id.job_id = 7;
	c.step_id.step_id = 1;
	c.step_id.step_het_comp = NO_VAL;
	c.ctime = 5000;
	ok(cred_cache_admit(k, &c, 5001) == E_OK, "admitted");
	ok(cred_cache_admit(k, &c, 5002) == E_D_CREDENTIAL_REPLAYED, "not twice");
	c.step_id.step_id = 2;
	ok(cred_cache_admit(k, &c, 5002) == E_OK, "another step of that second");
	c.step_id.step_id = 3;
	ok(cred_cache_admit(k, &c, 5121) == E_D_CREDENTIAL_EXPIRED, "too old");
	ok(cred_cache_admit(k, &c, 5120) == E_OK, "just not too old");
	c.step_id.step_id = 1;
	ok(cred_cache_admit(k, &c, 6000) == E_D_CREDENTIAL_EXPIRED, "forgotten, but too old");
	cred_cache_revoke(k, 7, 6010, 6010);
	c.ctime = 6010;
	ok(cred_cache_admit(k, &c, 6011) == E_D_CREDENTIAL_REVOKED, "revoked");
	ok(cred_cache_revoked(k, 7, 6010) && !cred_cache_revoked(k, 7, 6011) &&
	   !cred_cache_revoked(k, 7 + 256, 6010), "which are");
	cred_cache_revoke(k, 7, 6000, 6012);
	ok(cred_cache_admit(k, &c, 6012) == E_D_CREDENTIAL_REVOKED, "never revoked less");
	c.ctime = 6013;
	ok(cred_cache_admit(k, &c, 6013) == E_OK, "made after that: the job was requeued");
	c.ctime = INT64_MAX;
	ok(cred_cache_admit(k, &c, 6014) == E_OK &&
	   cred_cache_admit(k, &c, 6015) == E_D_CREDENTIAL_REPLAYED, "made at the end of time");
	c.ctime = INT64_MIN;
	ok(cred_cache_admit(k, &c, 6015) == E_D_CREDENTIAL_EXPIRED, "and before its beginning");
	wire_init(&sbcast_cred_signed_desc, &sb);
	sb.cred.expiration = 7000;
	sb.raw = (struct wire_mem){ (const uint8_t *)"abc", 3 };
	sb.signature = "MUNGE:x:";
	ok(!cred_cache_sbcast_known(k, &sb, 6020), "sbcast: not known");
	cred_cache_sbcast_add(k, &sb, 6020);
	ok(cred_cache_sbcast_known(k, &sb, 6999) && !cred_cache_sbcast_known(k, &sb, 7001),
	   "known until it expires");
	sb.raw.p = (const uint8_t *)"abd";
	cred_cache_sbcast_add(k, &sb, 6020);
	sb.raw.p = (const uint8_t *)"abe";
	ok(!cred_cache_sbcast_known(k, &sb, 6020), "other bytes under the same signature");
	cred_cache_free(k);
	cred_cache_free(NULL);
}

/* As it arrives: packed and unpacked. */
static bool carry(const struct cred_signed *c, enum wire_version v, struct wire_out *o,
		  struct arena *mem, struct cred_signed *out)
{
	struct wire_in i;

	o->len = 0;
	wire_pack(o, &cred_signed_desc, c, v);
	i = (struct wire_in){ o->base, o->base + o->len, mem, false, false };
	wire_unpack(&i, &cred_signed_desc, out, v);
	return !i.failed && i.p == i.end;
}

static void test_tampering(struct auth *a, struct cred_signed *c, struct arena *mem)
{
	struct cred_signed other = *c, got;
	struct wire_out o = {0};
	struct err_text why;
	uint8_t *bytes;
	bool refused = true;

	(void)cred_sign(a, c, V26_05, mem, &why);
	(void)carry(c, V26_05, &o, mem, &got);
	bytes = arena_alloc(mem, got.raw.len);
	memcpy(bytes, got.raw.p, got.raw.len);
	got.raw.p = bytes;
	for (uint32_t k = 0; k < got.raw.len; k += 7) {
		bytes[k] ^= 0x10;
		refused = cred_verify(a, &got, V24_11, 0, NULL, &why) == E_D_INVALID_JOB_CREDENTIAL && refused;
		bytes[k] ^= 0x10;
	}
	ok(refused, "every change of a byte is refused: %s", why.text);
	got.raw.len--;
	ok(cred_verify(a, &got, V24_11, 0, NULL, &why) == E_D_INVALID_JOB_CREDENTIAL, "a byte less");
	got.raw.len++;
	ok(cred_verify(a, &got, V24_11, 0, NULL, &why) == E_OK, "unchanged it passes");
	other.cred.step_id.job_id = 43;
	other.raw.len = 0;
	(void)cred_sign(a, &other, V26_05, mem, &why);
	got.signature = other.signature;
	ok(cred_verify(a, &got, V24_11, 0, NULL, &why) == E_D_INVALID_JOB_CREDENTIAL,
	   "the signature of another credential: %s", why.text);
	got.signature = NULL;
	ok(cred_verify(a, &got, V24_11, 0, NULL, &why) == E_D_INVALID_JOB_CREDENTIAL, "none: %s", why.text);
	got.signature = "MUNGE:";
	ok(cred_verify(a, &got, V24_11, 0, NULL, &why) == E_D_INVALID_JOB_CREDENTIAL, "garbage: %s", why.text);
	wire_out_fini(&o);
}

/* Sealed by an ordinary user. */
static void test_signer(struct auth *a, struct cred_signed *c, struct arena *mem)
{
	struct err_text why;
	int fd[2];
	static char text[65536];
	ssize_t n, have = 0;
	pid_t pid;

	if (geteuid() != 0)
		return;
	(void)cred_sign(a, c, V26_05, mem, &why);
	if (pipe(fd))
		abort();
	pid = fork();
	if (!pid) {
		char *t;
		ssize_t w = 0;

		if (setgid(4242) || setuid(4242) || auth_method_munge.seal(a, c->raw.p, c->raw.len, &t, NULL))
			_exit(1);
		for (size_t at = 0; at < strlen(t) && w >= 0; at += (size_t)w)
			w = write(fd[1], t + at, strlen(t) - at);
		_exit(0);
	}
	(void)close(fd[1]);
	while ((n = read(fd[0], text + have, sizeof text - 1 - (size_t)have)) > 0)
		have += n;
	text[have] = '\0';
	(void)close(fd[0]);
	(void)waitpid(pid, NULL, 0);
	c->signature = text;
	ok(cred_verify(a, c, V24_11, 990, NULL, &why) == E_D_INVALID_JOB_CREDENTIAL, "signed by a user: %s",
	   why.text);
	ok(cred_verify(a, c, V24_11, 4242, NULL, &why) == E_OK, "when that user is SlurmUser it is right");
}

static void test_shapes(struct auth *a, struct cred_signed *good, struct arena *mem)
{
	struct err_text why;
	struct cred_signed c;
	static uint32_t huge[] = { UINT32_MAX, UINT32_MAX };

#define BAD(change, ...) do { \
	c = *good; \
	change; \
	ok(cred_sign(a, &c, V24_11, mem, &why) == E_INVALID_JOB_CREDENTIAL, __VA_ARGS__); \
} while (0)
	BAD(c.cred.job_mem_alloc_size = 0, "no memory: %s", why.text);
	BAD(c.cred.core_array_size = 0, "no cores: %s", why.text);
	BAD(c.cred.core_array_size = 3, "too many kinds of nodes: %s", why.text);
	BAD(c.cred.tot_core_cnt = 17, "core count: %s", why.text);
	BAD(c.cred.job_nhosts = 4, "node count: %s", why.text);
	BAD(c.cred.cpu_array_count = 1, "CPU array: %s", why.text);
	BAD(c.cred.sock_core_rep_count = huge, "overflow: %s", why.text);
	BAD(c.cred.step_core_bitmap = NULL, "no core map: %s", why.text);
#undef BAD
}

static void test_sign(const struct munged *m)
{
	struct auth_options opt = { .socket = m->socket, .allow_replay = true };
	struct auth *a = auth_new(&opt, NULL), *once;
	struct bitset *maps[2];
	struct arena mem = {0};
	struct cred_signed c, got;
	struct sbcast_cred_signed sb;
	struct wire_out o = {0};
	struct err_text why;

	opt.allow_replay = false;
	once = auth_new(&opt, NULL);
	maps_new(maps);
	wire_init(&cred_signed_desc, &c);
	cred_fill(&c.cred, maps);
	for (enum wire_version v = 0; v < WIRE_VERSION_COUNT; v++) {
		c.raw.len = 0;
		ok(cred_sign(a, &c, v, &mem, &why) == E_OK && carry(&c, v, &o, &mem, &got) &&
		   cred_verify(once, &got, V24_11, 990, NULL, &why) == E_OK &&
		   wire_equal(&cred_desc, &c.cred, &got.cred, v), "%s: signed, carried, verified",
		   wire_version_name(v));
		ok(cred_verify(once, &got, V24_11, 990, NULL, &why) == E_D_CREDENTIAL_REPLAYED, "%s: once: %s",
		   wire_version_name(v), why.text);
		wire_init(&sbcast_cred_signed_desc, &sb);
		sb.cred.expiration = 5;
		sb.cred.nodes = "n[1-3]";
		ok(cred_sbcast_sign(a, &sb, v, &mem, &why) == E_OK &&
		   cred_sbcast_verify(a, &sb, 990, NULL, &why) == E_OK, "%s: sbcast",
		   wire_version_name(v));
	}
	test_tampering(a, &c, &mem);
	test_signer(a, &c, &mem);
	test_shapes(a, &c, &mem);
	wire_out_fini(&o);
	arena_fini(&mem);
	bitset_free(maps[0]);
	bitset_free(maps[1]);
	auth_free(a);
	auth_free(once);
}

/* The captured credentials of stock daemons, eight releases. */
static const struct cred_signed *cred_of(uint16_t type, const void *body)
{
	switch (type) {
	case REQUEST_LAUNCH_TASKS:
		return &((const struct launch_tasks_request_msg *)body)->cred;
	case REQUEST_BATCH_JOB_LAUNCH:
		return &((const struct batch_job_launch_msg *)body)->cred;
	case RESPONSE_JOB_STEP_CREATE:
		return &((const struct job_step_create_response_msg *)body)->cred;
	default:
		return NULL;
	}
}

static int hex_digit(int c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static int vector_check(struct auth *a, char *hex, bool *good)
{
	size_t len = strcspn(hex, "\n") / 2;
	uint8_t *b = malloc(len + 1);
	struct arena mem = {0};
	struct wire_frame f;
	const struct wire_type *t;
	void *body = NULL;
	const struct cred_signed *c = NULL;
	int shares = 0;

	for (size_t k = 0; k < len; k++)
		b[k] = (uint8_t)(hex_digit(hex[2 * k]) << 4 | hex_digit(hex[2 * k + 1]));
	if (!wire_frame_parse(b, len, &mem, &f) && !wire_body_unpack(&f, &mem, &t, &body) && body)
		c = cred_of(f.header.type, body);
	if (c && c->signature) {
		struct cred_node_share s;
		struct err_text why = {0};
		char **names = NULL;
		uint32_t n = 0;

		struct cred_signed ours = *c;

		ours.raw.len = 0;
		if (a && cred_sign(a, &ours, f.header.version, &mem, &why)) {
			printf("# not what we would sign: %s\n", why.text);
			*good = false;
		}
		if (hostlist_expand(c->cred.step_hostlist, &mem, &names, &n, &why))
			*good = false;
		for (uint32_t k = 0; k < n; k++, shares++)
			if (cred_node_share(&c->cred, names[k], &mem, &s, &why) ||
			    !bitset_count(s.step_cores) || !s.job_mem_mb) {
				printf("# %s: %s\n", names[k], why.text);
				*good = false;
			}
	}
	arena_fini(&mem);
	free(b);
	return shares;
}

static void test_vectors(struct auth *a, const char *set)
{
	for (int major = 38; major <= 45; major++) {
		char path[128], *line = NULL;
		size_t cap = 0;
		int shares = 0;
		bool good = true;
		FILE *in;

		(void)snprintf(path, sizeof path, "compat-tests/vectors/%s-v%d.tsv", set, major);
		in = fopen(path, "r");
		if (!ok(in != NULL, "%s is there", path))
			continue;
		while (getline(&line, &cap, in) > 0)
			if (strchr(line, '\t'))
				shares += vector_check(a, strchr(line, '\t') + 1, &good);
		ok(good && (shares > 0 || strcmp(set, "rpc") != 0), "%s, protocol %d: %d shares in captured credentials", set,
		   major, shares);
		free(line);
		fclose(in);
	}
}

int main(void)
{
	struct munged m;

	(void)signal(SIGPIPE, SIG_IGN);
	test_share();
	test_cache();
	if (!munged_there()) {
		test_vectors(NULL, "rpc");
		test_vectors(NULL, "more");
		printf("# munged is not installed: the rest is left out\n");
		return tap_done();
	}
	if (ok(munged_init(&m, "0123456789abcdef0123456789abcdef", 0) && munged_start(&m),
	       "a munged of our own")) {
		struct auth *a = auth_new(&(struct auth_options){ .socket = m.socket }, NULL);

		test_vectors(a, "rpc");
		test_vectors(a, "more");
		auth_free(a);
		test_sign(&m);
	}
	munged_fini(&m);
	return tap_done();
}
