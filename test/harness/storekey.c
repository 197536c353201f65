/* The store key of a box, and whether a process has it at rest: shielded, so that no search for its bytes finds it. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard/aead.h"
#include "guard/secret.h"
#include "guard/shield.h"
#include "seals/seal.h"
#include "store/seals.h"
#include "store/store.h"

/*
 * storekey STORE CREDENTIAL        prints the store key in hexadecimal
 * storekey STORE CREDENTIAL PID    exit status 0: PID has it at no place, shielded; 1: it has; 2: that is not known
 */
enum { EXIT_NONE = 0, EXIT_FOUND = 1, EXIT_TROUBLE = 2 };

/* secret_alloc()'s alignment; a shield is alone in its pages. */
#define STEP 16
#define MAPPING_MAX (64 * 1024)

static int trouble(const char *what, int r)
{
    fprintf(stderr, "storekey: %s: %s\n", what, lb_strerror(r));
    return EXIT_TROUBLE;
}

static int unseal(const char *path, const char *file, uint8_t *store_key)
{
    struct seal_record *seals = NULL;
    struct store *s = NULL;
    struct problem p = { 0 };
    size_t count = 0, len = 0;
    void *secret = NULL;
    int r = store_open(path, &s, &p);

    if (r == 0)
        r = secret_read_file(file, LB_SECRET_MAX, &secret, &len);
    if (r == 0)
        r = store_seals(s, &seals, &count, &p);
    if (r == 0)
        r = count == 0 ? LB_E_SECRET
                       : seal_unwrap(store_id(s), &seals[0], (struct bytes){ secret, len }, store_key);
    secret_free(secret, LB_SECRET_MAX);
    seal_records_free(seals, count);
    store_close(s);
    return r;
}

/* Every place of a mapping at which a shield may begin. */
static bool has_shield(const struct aead *a, const uint8_t *map, size_t len, const uint8_t *store_key, uint8_t *work)
{
    uint8_t *found = work + AEAD_KEY_SIZE;

    for (size_t at = 0; at + SHIELD_AREA_SIZE <= len; at += STEP) {
        if (shield_read(a, map + at, work, found) == 0 && memcmp(found, store_key, STORE_KEY_SIZE) == 0)
            return true;
    }
    return false;
}

static int scan(const struct aead *a, const char *pid, const uint8_t *store_key, uint8_t *map, uint8_t *work)
{
    char path[64], line[5000], perms[8];
    unsigned scanned = 0;
    uint64_t start, end;
    FILE *maps;
    int mem, result = EXIT_NONE;

    snprintf(path, sizeof(path), "/proc/%.20s/mem", pid);
    mem = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
    maps = fopen(path, "re");
    if (mem < 0 || maps == NULL)
        return trouble(path, LB_E_SYSTEM);
    while (result == EXIT_NONE && fgets(line, sizeof(line), maps) != NULL) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &start, &end, perms) != 3 || strcmp(perms, "rw-p") != 0 ||
            end - start < SHIELD_AREA_SIZE || end - start > MAPPING_MAX)
            continue;
        scanned++;
        if (pread(mem, map, end - start, (off_t)start) != (ssize_t)(end - start))
            result = trouble("a mapping cannot be read", LB_E_SYSTEM);
        else if (has_shield(a, map, end - start, store_key, work))
            result = EXIT_FOUND;
    }
    fclose(maps);
    close(mem);
    printf("%u mappings: %s\n", scanned, result == EXIT_FOUND ? "the store key rests there" : "no store key at rest");
    return scanned == 0 ? EXIT_TROUBLE : result;
}

int main(int argc, char **argv)
{
    struct aead *a = NULL;
    uint8_t *store_key, *map, *work;
    int r;

    if (argc != 3 && argc != 4) {
        fputs("usage: storekey STORE CREDENTIAL [PID]\n", stderr);
        return EXIT_TROUBLE;
    }
    r = secret_setup_libcrypto();
    if (r != 0)
        return trouble("libcrypto", r);
    store_key = secret_alloc(STORE_KEY_SIZE);
    map = secret_alloc(MAPPING_MAX);
    work = secret_alloc(AEAD_KEY_SIZE + STORE_KEY_SIZE);
    r = store_key == NULL || map == NULL || work == NULL ? LB_E_NOMEM : aead_new(&a);
    if (r == 0)
        r = unseal(argv[1], argv[2], store_key);
    if (r != 0)
        r = trouble(argv[1], r);
    else if (argc == 4)
        r = scan(a, argv[3], store_key, map, work);
    for (unsigned i = 0; r == 0 && argc == 3 && i < STORE_KEY_SIZE; i++)
        printf("%02x", store_key[i]);
    aead_free(a);
    secret_free(store_key, STORE_KEY_SIZE);
    secret_free(map, MAPPING_MAX);
    secret_free(work, AEAD_KEY_SIZE + STORE_KEY_SIZE);
    return r;
}
