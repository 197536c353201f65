/* Looks for a private key in the memory of running processes. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * memscan [--key FILE.pem]... [--hex BYTES]... PID...
 *
 * Exit status 0: every process was read and nothing found. 1: found. 2: something could not be read or understood, so
 * that an unscanned process never passes for a clean one.
 */
enum { EXIT_CLEAN = 0, EXIT_FOUND = 1, EXIT_TROUBLE = 2 };

#define PATTERNS_MAX 64
#define PATTERN_MIN 16 /* shorter ones would be found by chance */
#define CHUNK (1 << 20)
#define PAGE 4096

struct pattern {
    char name[64];
    uint8_t *bytes;
    size_t len;
};

struct scan {
    struct pattern patterns[PATTERNS_MAX];
    size_t count;
    size_t longest;
    uint8_t *buf; /* what is left of the last chunk, at most longest bytes, then CHUNK bytes */
};

struct mapping {
    uint64_t start, end, offset;
    bool readable;
    char name[256];
};

static int trouble(const char *what, const char *why)
{
    fprintf(stderr, "memscan: %s: %s\n", what, why);
    return EXIT_TROUBLE;
}

static bool add(struct scan *s, const char *name, const char *form, const uint8_t *bytes, size_t len)
{
    struct pattern *p = &s->patterns[s->count];

    if (len < PATTERN_MIN)
        return true;
    if (s->count == PATTERNS_MAX)
        return false;
    p->bytes = malloc(len);
    if (p->bytes == NULL)
        return false;
    memcpy(p->bytes, bytes, len);
    p->len = len;
    snprintf(p->name, sizeof(p->name), "%s%s%s", name, form[0] != '\0' ? ", " : "", form);
    if (len > s->longest)
        s->longest = len;
    s->count++;
    return true;
}

/* A number as files and packets hold it, and reversed, as the limbs of a BIGNUM lie in memory. */
static bool add_number(struct scan *s, const char *name, const uint8_t *bytes, size_t len)
{
    uint8_t reversed[4096];

    while (len > 0 && bytes[0] == 0) {
        bytes++;
        len--;
    }
    if (len > sizeof(reversed))
        return false;
    for (size_t i = 0; i < len; i++)
        reversed[i] = bytes[len - 1 - i];
    return add(s, name, "big-endian", bytes, len) && add(s, name, "little-endian", reversed, len);
}

static const struct {
    const char *name, *param;
} numbers[] = {
    { "d", OSSL_PKEY_PARAM_RSA_D },
    { "p", OSSL_PKEY_PARAM_RSA_FACTOR1 },
    { "q", OSSL_PKEY_PARAM_RSA_FACTOR2 },
    { "dP", OSSL_PKEY_PARAM_RSA_EXPONENT1 },
    { "dQ", OSSL_PKEY_PARAM_RSA_EXPONENT2 },
    { "qInv", OSSL_PKEY_PARAM_RSA_COEFFICIENT1 },
    { "scalar", OSSL_PKEY_PARAM_PRIV_KEY },
};

/* RSA's numbers or EC's scalar. RSA has no "priv", EC none of the others. */
static bool add_numbers(struct scan *s, EVP_PKEY *key)
{
    uint8_t bytes[4096];
    bool ok = true;

    for (size_t i = 0; ok && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        BIGNUM *n = NULL;

        if (EVP_PKEY_get_bn_param(key, numbers[i].param, &n) != 1)
            continue;
        ok = BN_num_bytes(n) <= (int)sizeof(bytes) &&
             add_number(s, numbers[i].name, bytes, (size_t)BN_bn2bin(n, bytes));
        BN_clear_free(n);
    }
    return ok;
}

/* Ed25519 and Ed448: the octets of the file. */
static bool add_seed(struct scan *s, EVP_PKEY *key)
{
    uint8_t seed[64];
    size_t len = sizeof(seed);

    return EVP_PKEY_get_raw_private_key(key, seed, &len) == 1 && add_number(s, "seed", seed, len);
}

/*
 * The line of the PEM file in which the middle of the first pattern stands: the text of a file that somebody read and
 * forgot to wipe. Files with other line lengths than PEM's 64 are passed over.
 */
static bool add_text(struct scan *s, const char *path, const struct pattern *middle_of)
{
    FILE *f = fopen(path, "r");
    char line[256];
    uint8_t der[48 * 400], *at;
    char lines[400][65];
    size_t n = 0;
    bool inside = false, ok = true;

    if (f == NULL)
        return false;
    while (n < 400 && fgets(line, sizeof(line), f) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strstr(line, "PRIVATE KEY-----") != NULL)
            inside = strncmp(line, "-----BEGIN ", 11) == 0;
        else if (inside && strlen(line) == 64 &&
                 EVP_DecodeBlock(der + 48 * n, (const unsigned char *)line, 64) == 48)
            memcpy(lines[n++], line, sizeof(lines[0]));
    }
    fclose(f);
    at = memmem(der, 48 * n, middle_of->bytes, middle_of->len / 2 + 1);
    if (at != NULL)
        ok = add(s, "text of the file", "", (const uint8_t *)lines[(size_t)(at - der + middle_of->len / 2) / 48], 64);
    return ok;
}

static int add_key(struct scan *s, const char *path)
{
    FILE *f = fopen(path, "r");
    EVP_PKEY *key = NULL;
    size_t first = s->count;
    bool ok;

    if (f == NULL)
        return trouble(path, strerror(errno));
    key = PEM_read_PrivateKey(f, NULL, NULL, /* passphrase= */ (void *)"");
    fclose(f);
    if (key == NULL)
        return trouble(path, "not a plain private key in PEM");
    ok = add_numbers(s, key);
    if (ok && s->count == first)
        ok = add_seed(s, key);
    ok = ok && s->count > first && add_text(s, path, &s->patterns[first]);
    EVP_PKEY_free(key);
    return ok ? EXIT_CLEAN : trouble(path, "no patterns can be made of this key");
}

static int add_hex(struct scan *s, const char *hex)
{
    long len = 0;
    uint8_t *bytes = OPENSSL_hexstr2buf(hex, &len);
    bool ok = bytes != NULL && len >= PATTERN_MIN && add_number(s, hex, bytes, (size_t)len);

    OPENSSL_free(bytes);
    return ok ? EXIT_CLEAN : trouble(hex, "not 16 bytes or more in hexadecimal");
}

static bool next_mapping(FILE *maps, struct mapping *ret)
{
    char line[5000], perms[8] = "";
    int name = 0;

    if (fgets(line, sizeof(line), maps) == NULL)
        return false;
    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %n", &ret->start, &ret->end, perms, &ret->offset,
               &name) < 4)
        return false;
    ret->readable = perms[0] == 'r';
    snprintf(ret->name, sizeof(ret->name), "%s", name > 0 && line[name] != '\0' ? line + name : "anonymous");
    return true;
}

/*
 * A page that was made a guard (MADV_GUARD_INSTALL, which glibc 2.42 and later use under the stacks of threads): the
 * mapping around it is readable, and it holds nothing. The kernel says so in bit 58 of its entry in pagemap.
 */
static bool is_guard(pid_t pid, uint64_t at)
{
    uint64_t entry = 0;
    char path[64];
    ssize_t got;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    got = pread(fd, &entry, sizeof(entry), (off_t)(at / PAGE * sizeof(entry)));
    close(fd);
    return got == sizeof(entry) && (entry >> 58 & 1) != 0;
}

/*
 * Whether a page that could not be read may be passed over: a page of the kernel's own, a guard, one that has gone in
 * the meantime or was never readable, or one behind the end of a mapped file.
 */
static bool may_skip(pid_t pid, uint64_t at)
{
    struct mapping m;
    char path[128];
    struct stat st;
    FILE *maps;
    bool skip = true;

    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    maps = fopen(path, "r");
    if (maps == NULL)
        return false;
    while (next_mapping(maps, &m)) {
        if (at < m.start || at >= m.end)
            continue;
        skip = !m.readable || strncmp(m.name, "[vvar", 5) == 0 || strcmp(m.name, "[vsyscall]") == 0 ||
               is_guard(pid, at);
        snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid, m.start, m.end);
        if (!skip && stat(path, &st) == 0 && S_ISREG(st.st_mode))
            skip = m.offset + (at - m.start) >= ((uint64_t)st.st_size + PAGE - 1) / PAGE * PAGE;
        break;
    }
    fclose(maps);
    return skip;
}

static unsigned long search(const struct scan *s, const struct pattern *p, size_t len, size_t old)
{
    const uint8_t *at = s->buf, *end = s->buf + len;
    unsigned long hits = 0;

    while ((at = memmem(at, (size_t)(end - at), p->bytes, p->len)) != NULL) {
        /* What lies wholly in the part kept from the last chunk was counted there. */
        if (at + p->len > s->buf + old)
            hits++;
        at++;
    }
    return hits;
}

struct tally {
    unsigned long hits[PATTERNS_MAX];
    char where[PATTERNS_MAX][256];
    uint64_t bytes;
};

/* Reads and searches one mapping; *kept bytes of its predecessor's end are in the buffer. */
static int scan_mapping(struct scan *s, pid_t pid, int mem, const struct mapping *m, size_t *kept, struct tally *t)
{
    for (uint64_t at = m->start; at < m->end;) {
        size_t want = m->end - at < CHUNK ? (size_t)(m->end - at) : CHUNK;
        ssize_t got = pread(mem, s->buf + *kept, want, (off_t)at);
        size_t len;

        if (got <= 0) {
            if (!may_skip(pid, at))
                return trouble(m->name, "a page cannot be read");
            at = (at / PAGE + 1) * PAGE;
            *kept = 0;
            continue;
        }
        len = *kept + (size_t)got;
        for (size_t i = 0; i < s->count; i++) {
            unsigned long hits = search(s, &s->patterns[i], len, *kept);

            if (hits > 0 && t->hits[i] == 0)
                memcpy(t->where[i], m->name, sizeof(t->where[i]));
            t->hits[i] += hits;
        }
        t->bytes += (uint64_t)got;
        at += (uint64_t)got;
        *kept = len < s->longest - 1 ? len : s->longest - 1;
        memmove(s->buf, s->buf + len - *kept, *kept);
    }
    return EXIT_CLEAN;
}

static int report(const struct scan *s, pid_t pid, const char *comm, const struct tally *t)
{
    unsigned long all = 0;

    for (size_t i = 0; i < s->count; i++) {
        if (t->hits[i] > 0)
            printf("%d %s: %s: %lu times, first in %s\n", (int)pid, comm, s->patterns[i].name, t->hits[i], t->where[i]);
        all += t->hits[i];
    }
    if (all == 0)
        printf("%d %s: nothing found in %" PRIu64 " KiB\n", (int)pid, comm, t->bytes / 1024);
    return all > 0 ? EXIT_FOUND : EXIT_CLEAN;
}

static int scan_process(struct scan *s, const char *text)
{
    char path[64], comm[64] = "";
    char *end;
    pid_t pid = (pid_t)strtol(text, &end, 10);
    struct tally *t = calloc(1, sizeof(*t));
    struct mapping m;
    FILE *maps = NULL, *f;
    uint64_t last_end = 0;
    size_t kept = 0;
    int mem = -1, r = EXIT_CLEAN;

    if (t == NULL || pid <= 0 || *end != '\0') {
        r = trouble(text, "not a process id");
        goto out;
    }
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    f = fopen(path, "r");
    if (f != NULL) {
        if (fgets(comm, sizeof(comm), f) != NULL)
            comm[strcspn(comm, "\n")] = '\0';
        fclose(f);
    }
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    mem = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    maps = fopen(path, "r");
    if (mem < 0 || maps == NULL) {
        r = trouble(text, strerror(errno));
        goto out;
    }
    while (r == EXIT_CLEAN && next_mapping(maps, &m)) {
        if (m.start != last_end)
            kept = 0;
        last_end = m.end;
        r = scan_mapping(s, pid, mem, &m, &kept, t);
    }
    if (r == EXIT_CLEAN)
        r = t->bytes > 0 ? report(s, pid, comm, t) : trouble(text, "it has no memory that can be read");

out:
    if (maps != NULL)
        fclose(maps);
    if (mem >= 0)
        close(mem);
    free(t);
    return r;
}

static int usage(void)
{
    fputs("usage: memscan [--key FILE.pem]... [--hex BYTES]... PID...\n", stderr);
    return EXIT_TROUBLE;
}

int main(int argc, char **argv)
{
    struct scan s = { .count = 0 };
    int r = EXIT_CLEAN, i = 1;

    for (; r == EXIT_CLEAN && i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--key") == 0)
            r = add_key(&s, argv[i + 1]);
        else if (strcmp(argv[i], "--hex") == 0)
            r = add_hex(&s, argv[i + 1]);
        else
            r = usage();
    }
    if (r == EXIT_CLEAN && (s.count == 0 || i >= argc))
        r = usage();
    if (r == EXIT_CLEAN) {
        s.buf = malloc(s.longest + CHUNK);
        if (s.buf == NULL)
            r = trouble("memory", strerror(ENOMEM));
    }
    for (; r != EXIT_TROUBLE && i < argc; i++) {
        int one = scan_process(&s, argv[i]);

        if (one > r)
            r = one;
    }
    for (size_t k = 0; k < s.count; k++)
        free(s.patterns[k].bytes);
    free(s.buf);
    return r;
}
