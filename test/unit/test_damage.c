/* A store with one bit changed, for every byte: the key is refused by name or is what it was, and the others go on. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "unit.h"

#define PAGE 4096

/* Whose row a byte belongs to, and how much of it. */
enum part { PART_PAGE, PART_HEAD, PART_CONTENT };

struct place {
    int owner; /* key of the fixture; -1: none */
    enum part part;
};

static void read_page(const char *path, unsigned number, uint8_t *page)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    CU_ASSERT_EQUAL_FATAL(pread(fd, page, PAGE, (off_t)(number - 1) * PAGE), PAGE);
    close(fd);
}

static void write_byte(const char *path, off_t at, uint8_t value)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    CU_ASSERT_EQUAL_FATAL(pwrite(fd, &value, 1, at), 1);
    close(fd);
}

/* The root pages of all tables and indexes of these tables (each a leaf, in a small store). Returns how many. */
static size_t root_pages(const char *path, const char *tables, unsigned *ret, size_t max)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    char *query = sqlite3_mprintf("SELECT rootpage FROM sqlite_schema WHERE tbl_name IN (%s)", tables);
    size_t count = 0;

    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, query, -1, &stmt, NULL), SQLITE_OK);
    while (count < max && sqlite3_step(stmt) == SQLITE_ROW)
        ret[count++] = (unsigned)sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    sqlite3_free(query);
    return count;
}

/* SQLite's variable-length integer (its file format, section 1.6). */
static size_t varint(const uint8_t *p, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < 8; i++) {
        *ret = *ret << 7 | (p[i] & 0x7f);
        if (p[i] < 0x80)
            return i + 1;
    }
    *ret = *ret << 8 | p[8];
    return 9;
}

static int owner_of(const struct fixture *f, const uint8_t *cell, size_t len)
{
    for (size_t i = 0; i < f->key_count; i++) {
        if (memmem(cell, len, f->keys[i].key_id, KEY_ID_SIZE) != NULL)
            return (int)i;
    }
    return -1;
}

/* Which bytes of a table's leaf page belong to which key: its cells, from their pointers. */
static void map_page(const struct fixture *f, const uint8_t *page, struct place *places)
{
    unsigned cells = (unsigned)page[3] << 8 | page[4];

    for (size_t i = 0; i < PAGE; i++)
        places[i] = (struct place){ -1, PART_PAGE };
    if (page[0] != 0x0d)
        return;
    for (unsigned i = 0; i < cells; i++) {
        size_t at = (size_t)page[8 + 2 * i] << 8 | page[9 + 2 * i], head;
        uint64_t payload, rowid;

        head = varint(page + at, &payload);
        head += varint(page + at + head, &rowid);
        for (size_t j = 0; j < head + payload; j++)
            places[at + j] =
                (struct place){ owner_of(f, page + at + head, payload), j < head ? PART_HEAD : PART_CONTENT };
    }
}

/* A bit in the free space of a page changes nothing; of long stretches of zeros a few are tried. */
static bool worth_trying(const uint8_t *page, size_t i)
{
    size_t from = i < 8 ? 0 : i - 8, to = i + 8 > PAGE ? PAGE : i + 8;

    for (size_t j = from; j < to; j++) {
        if (page[j] != 0)
            return true;
    }
    return i % 97 == 0;
}

static void complain(const char *what, unsigned page, size_t at, unsigned bit, const struct inspection *seen)
{
    fprintf(stderr, "\n%s: page %u byte %zu bit %u: open %d walk %d (%s)", what, page, at, bit, seen->opened,
            seen->walked, seen->problem.text);
}

/* One bit: what may be seen of each key depends on whose byte it is. */
static bool judge_row(const struct fixture *f, const struct place *place, const struct inspection *seen)
{
    if (seen->opened != 0 || seen->walked != 0 || seen->impostors != 0)
        return false;
    for (size_t k = 0; k < f->key_count; k++) {
        bool own = place->owner == (int)k;

        if (seen->found[k] == FOUND_WRONG || seen->found[k] == FOUND_NOT)
            return false;
        /* A byte of a row: noticed there and nowhere else. (Its head holds length and number, which bear no data.) */
        if (place->owner >= 0 && !own && seen->found[k] != FOUND_GOOD)
            return false;
        if (own && place->part == PART_CONTENT && seen->found[k] != FOUND_DAMAGED)
            return false;
    }
    return true;
}

/* One bit in a chain's page: no key feels it, and that chain is what it was or gone; never another one. */
static bool judge_chain(const struct fixture *f, const struct place *place, const struct inspection *seen)
{
    size_t lost = 0;

    if (seen->opened != 0 || seen->walked != 0 || seen->impostors != 0 || seen->strangers != 0)
        return false;
    for (size_t k = 0; k < f->key_count; k++) {
        if (seen->found[k] != FOUND_GOOD)
            return false;
        if (place->owner >= 0 && place->owner != (int)k && seen->chains_lost[k] > 0)
            return false;
        lost += seen->chains_lost[k];
    }
    /* A row's content: lost, and told. (A page that says it has fewer rows tells of none.) */
    return place->part != PART_CONTENT || (lost == 1 && seen->problem.code == LB_E_DAMAGED);
}

typedef bool judge_fn(const struct fixture *f, const struct place *place, const struct inspection *seen);

static void flip(struct fixture *f, unsigned number, const uint8_t *page, size_t i, unsigned bit,
                 const struct place *place, judge_fn *judge)
{
    off_t at = (off_t)(number - 1) * PAGE + (off_t)i;
    struct inspection seen;
    bool good;

    write_byte(f->path, at, page[i] ^ (uint8_t)(1 << bit));
    fixture_inspect(f, &seen);
    good = judge(f, place, &seen);
    if (!good)
        complain("refused too little or too much", number, i, bit, &seen);
    CU_ASSERT_TRUE(good);
    write_byte(f->path, at, page[i]);
}

/* One bit of each byte; all bits where the page and its rows say how long they are. */
static void flip_page(struct fixture *f, unsigned number, size_t stride, judge_fn *judge)
{
    static struct place places[PAGE];
    uint8_t page[PAGE];

    read_page(f->path, number, page);
    map_page(f, page, places);
    for (size_t i = 0; i < PAGE; i += stride) {
        bool length = places[i].part == PART_HEAD || i < 16;

        if (!worth_trying(page, i))
            continue;
        for (unsigned n = 0; n < (length ? 8 : 1); n++)
            flip(f, number, page, i, (unsigned)(i + i / 8 + n) % 8, &places[i], judge);
    }
}

/* The store is closed then. */
static void fill(struct fixture *f, bool old)
{
    fixture_add_key(f, "alpha", "ed25519", 2, 2);
    fixture_add_key(f, "beta", "ec:P-256", 1, 1);
    fixture_add_key(f, "gamma", "ed25519", 1, 0);
    fixture_schedule(f, "gamma", 1800000000, "delta epsilon");
    fixture_add_chain(f, "alpha", 2, 3);
    fixture_add_chain(f, "beta", 1, 1);
    if (old) {
        fixture_make_old(f);
        return;
    }
    store_close(f->store);
    f->store = NULL;
}

static void all_still_good(struct fixture *f)
{
    struct inspection seen;

    fixture_inspect(f, &seen);
    OK(seen.opened);
    OK(seen.walked);
    for (size_t i = 0; i < f->key_count; i++)
        CU_ASSERT(seen.found[i] == FOUND_GOOD && seen.chains_lost[i] == 0);
    CU_ASSERT_EQUAL(seen.chains_told, 0);
    CU_ASSERT_EQUAL(seen.strangers + seen.impostors, 0);
}

static void each_byte(bool old, const char *tables, size_t most)
{
    struct fixture f;
    unsigned pages[32];
    size_t count;

    fixture_open(&f);
    fill(&f, old);
    count = root_pages(f.path, tables, pages, COUNT(pages));
    /* The tables, and an index for each UNIQUE. */
    CU_ASSERT_EQUAL(count, most);
    for (size_t i = 0; i < count; i++)
        flip_page(&f, pages[i], unit_is_slow() ? 23 : 1, judge_row);
    all_still_good(&f);
    fixture_close(&f);
}

static void each_byte_of_each_row(void)
{
    each_byte(/* old= */ false, "'key', 'version', 'policy'", 7);
}

static void each_byte_of_each_old_row(void)
{
    each_byte(/* old= */ true, "'key', 'version', 'grant_', 'schedule', 'former'", 11);
}

static void each_byte_of_each_chain(void)
{
    struct fixture f;
    unsigned pages[8];
    size_t count;

    fixture_open(&f);
    fill(&f, /* old= */ false);
    count = root_pages(f.path, "'chain'", pages, COUNT(pages));
    CU_ASSERT_EQUAL(count, 2);
    for (size_t i = 0; i < count; i++)
        flip_page(&f, pages[i], unit_is_slow() ? 23 : 1, judge_chain);
    all_still_good(&f);
    fixture_close(&f);
}

/* What one bit does not make: rows of chains that are edited, moved, or of no key. */
static void edited_chains(void)
{
    static const struct {
        const char *sql;
        size_t alpha, beta, told;
    } edits[] = {
        { "DELETE FROM chain WHERE version = 2", 1, 0, 0 },
        { "UPDATE chain SET certificates = x'0001000141' WHERE version = 2", 1, 0, 1 },
        { "UPDATE chain SET certificates = x'0000' WHERE version = 2", 1, 0, 1 },
        { "UPDATE chain SET certificates = zeroblob(70000) WHERE version = 2", 1, 0, 1 },
        { "UPDATE chain SET digest = zeroblob(32) WHERE version = 1", 0, 1, 1 },
        { "UPDATE chain SET version = 1 WHERE version = 2", 1, 0, 1 },
        { "UPDATE chain SET version = 3 WHERE version = 2", 1, 0, 0 },
        { "UPDATE chain SET key_id = zeroblob(16) WHERE version = 2", 1, 0, 0 },
        { "UPDATE chain SET key_id = (SELECT key_id FROM key WHERE name = 'beta') WHERE version = 2", 1, 0, 0 },
        { "INSERT INTO chain SELECT key_id, 1, certificates, digest FROM chain WHERE version = 2", 0, 0, 1 },
    };

    for (size_t i = 0; i < COUNT(edits); i++) {
        struct fixture f;
        struct inspection seen;
        bool removed = i == 0;

        fixture_open(&f);
        fill(&f, /* old= */ false);
        unit_sql(f.path, edits[i].sql);
        fixture_inspect(&f, &seen);
        if (seen.opened != 0 || seen.walked != 0 || seen.found[0] != FOUND_GOOD || seen.found[1] != FOUND_GOOD ||
            seen.chains_lost[0] != edits[i].alpha || seen.chains_lost[1] != edits[i].beta ||
            seen.chains_told != edits[i].told || seen.problem.code != (removed ? 0 : LB_E_DAMAGED)) {
            fprintf(stderr, "\n%s: found %d %d lost %zu %zu told %zu (%s)", edits[i].sql, seen.found[0], seen.found[1],
                    seen.chains_lost[0], seen.chains_lost[1], seen.chains_told, seen.problem.text);
            CU_FAIL("an edited chain was judged wrongly");
        }
        if (!removed)
            TEXT_HAS(seen.problem.text, "are damaged: their keys go on without");
        fixture_close(&f);
    }
}

/* A damaged chain is gone with the next change of its key; those of the other versions stay. */
static void a_damaged_chain_is_replaced(void)
{
    struct fixture f;
    struct problem p;
    sqlite3 *db = NULL;

    fixture_open(&f);
    fill(&f, /* old= */ false);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(f.path, &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, "UPDATE chain SET digest = zeroblob(32)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    OK(store_open(f.path, &f.store, &p));
    fixture_add_chain(&f, "alpha", 1, 2);
    fixture_add_chain(&f, "beta", 1, 1);
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    fixture_close(&f);
}

/* The page that holds header and schema, and those of the seals: a refusal with a text, or every key as above. */
static void the_other_pages(void)
{
    struct fixture f;
    unsigned pages[8] = { 1 };
    size_t count;

    fixture_open(&f);
    fill(&f, /* old= */ false);
    count = 1 + root_pages(f.path, "'meta', 'seal', 'sqlite_sequence'", pages + 1, COUNT(pages) - 1);
    CU_ASSERT_EQUAL(count, 4);
    for (size_t n = 0; n < count; n++) {
        uint8_t page[PAGE];

        read_page(f.path, pages[n], page);
        for (size_t i = 0; i < PAGE; i += unit_is_slow() ? 29 : 1) {
            off_t at = (off_t)(pages[n] - 1) * PAGE + (off_t)i;
            struct inspection seen;
            bool told, good = true;

            if (!worth_trying(page, i))
                continue;
            write_byte(f.path, at, page[i] ^ (uint8_t)(1 << i % 8));
            fixture_inspect(&f, &seen);
            told = seen.opened != 0 || seen.walked != 0 || seen.problem.code != 0 || seen.strangers > 0;
            for (size_t k = 0; k < f.key_count; k++)
                good = good && seen.found[k] != FOUND_WRONG && (told || seen.found[k] != FOUND_NOT);
            good =
                good && seen.impostors == 0 && ((seen.opened == 0 && seen.walked == 0) || seen.problem.text[0] != '\0');
            if (!good)
                complain("not told", pages[n], i, i % 8, &seen);
            CU_ASSERT_TRUE(good);
            write_byte(f.path, at, page[i]);
        }
    }
    all_still_good(&f);
    fixture_close(&f);
}

/* A larger store, whose tables are trees of several pages, and bits anywhere in them. */
static void bits_in_a_larger_store(void)
{
    struct fixture f;
    unsigned tries = unit_is_slow() ? 40 : 800;
    uint8_t page[PAGE];
    unsigned others[8] = { 0 };
    off_t size;
    int fd;

    fixture_open(&f);
    for (int i = 0; i < 60; i++) {
        char name[16];

        snprintf(name, sizeof(name), "key-%02d", i);
        fixture_add_key(&f, name, "ed25519", 2, 3);
    }
    store_close(f.store);
    f.store = NULL;
    (void)root_pages(f.path, "'meta', 'seal', 'sqlite_sequence'", others, COUNT(others));
    fd = open(f.path, O_RDONLY | O_CLOEXEC);
    size = lseek(fd, 0, SEEK_END);
    close(fd);
    CU_ASSERT(size > 12 * PAGE);
    srand(1);
    for (unsigned n = 0; n < tries; n++) {
        unsigned number = 2 + (unsigned)rand() % (unsigned)(size / PAGE - 1);
        size_t i = (size_t)rand() % PAGE;
        struct place nobody = { -1, PART_PAGE };
        struct inspection seen;
        bool good;

        if (number == others[0] || number == others[1] || number == others[2])
            continue;
        /* Half of them in the first bytes, where a page says what it is. */
        i = n % 2 == 0 ? i % 64 : i;
        read_page(f.path, number, page);
        write_byte(f.path, (off_t)(number - 1) * PAGE + (off_t)i, page[i] ^ (uint8_t)(1 << n % 8));
        fixture_inspect(&f, &seen);
        good = judge_row(&f, &nobody, &seen);
        if (!good)
            complain("larger store", number, i, n % 8, &seen);
        CU_ASSERT_TRUE(good);
        write_byte(f.path, (off_t)(number - 1) * PAGE + (off_t)i, page[i]);
    }
    all_still_good(&f);
    fixture_close(&f);
}

/* What is damaged in ways that one bit does not make, as somebody with an editor would. */
static void edited(bool old)
{
    static const struct {
        const char *sql;
        enum found alpha, beta;
        size_t strangers;
    } edits[] = {
        { "UPDATE version SET state = 3 WHERE name = 'alpha' AND version = 1", FOUND_DAMAGED, FOUND_GOOD, 0 },
        { "UPDATE version SET changed = changed + 1 WHERE name = 'beta'", FOUND_GOOD, FOUND_DAMAGED, 0 },
        { "DELETE FROM version WHERE name = 'alpha' AND version = 2", FOUND_DAMAGED, FOUND_GOOD, 0 },
        { "DELETE FROM key WHERE name = 'alpha'", FOUND_DAMAGED, FOUND_GOOD, 0 },
        { "DELETE FROM grant_ WHERE id = 1001", FOUND_DAMAGED, FOUND_GOOD, 0 },
        { "UPDATE grant_ SET id = 0 WHERE id = 1001", FOUND_DAMAGED, FOUND_GOOD, 0 },
        { "INSERT INTO grant_ SELECT key_id, 1, 4242, 1 FROM key WHERE name = 'beta'; UPDATE key SET grants = 2 WHERE "
          "name = "
          "'beta'",
          FOUND_GOOD, FOUND_DAMAGED, 0 },
        { "DELETE FROM policy WHERE key_id = (SELECT key_id FROM key WHERE name = 'alpha')", FOUND_DAMAGED, FOUND_GOOD, 0 },
        { "UPDATE policy SET entries = x'' WHERE key_id = (SELECT key_id FROM key WHERE name = 'alpha')", FOUND_DAMAGED,
          FOUND_GOOD, 0 },
        { "UPDATE policy SET entries = x'0001000701000003e80001' WHERE key_id = (SELECT key_id FROM key WHERE name = "
          "'alpha')",
          FOUND_DAMAGED, FOUND_GOOD, 0 },
        { "UPDATE policy SET entries = joined(entries, x'00050001aa') WHERE key_id = (SELECT key_id FROM key WHERE name = "
          "'alpha')",
          FOUND_DAMAGED, FOUND_GOOD, 0 },
        { "UPDATE policy SET entries = (SELECT entries FROM policy JOIN key USING (key_id) WHERE name = 'beta') WHERE "
          "key_id = (SELECT key_id FROM key WHERE name = 'alpha')",
          FOUND_DAMAGED, FOUND_GOOD, 0 },
        { "INSERT INTO policy VALUES (x'ff', x'')", FOUND_GOOD, FOUND_GOOD, 1 },
        { "UPDATE key SET name = 'delta' WHERE name = 'alpha'", FOUND_DAMAGED, FOUND_GOOD, 1 },
        { "UPDATE key SET name = 'delta' WHERE name = 'alpha'; UPDATE version SET name = 'delta' WHERE name = 'alpha'",
          FOUND_NOT, FOUND_GOOD, 1 },
        { "UPDATE version SET name = 'beta' WHERE name = 'alpha'", FOUND_DAMAGED, FOUND_GOOD, 0 },
        { "UPDATE version SET name = char(7) WHERE name = 'alpha'", FOUND_DAMAGED, FOUND_GOOD, 0 },
        { "DELETE FROM key WHERE name = 'alpha'; UPDATE version SET name = '.' WHERE name = 'alpha'", FOUND_NOT,
          FOUND_GOOD, 1 },
        { "UPDATE version SET material = (SELECT material FROM version WHERE name = 'beta') WHERE name = 'alpha' AND "
          "version = 1",
          FOUND_DAMAGED, FOUND_GOOD, 0 },
        { "UPDATE version SET material = zeroblob(0) WHERE name = 'alpha'", FOUND_DAMAGED, FOUND_GOOD, 0 },
        { "UPDATE version SET version = 7 WHERE name = 'beta'", FOUND_GOOD, FOUND_DAMAGED, 0 },
        { "INSERT INTO grant_ VALUES (x'ff', 1, 1, 1)", FOUND_GOOD, FOUND_GOOD, 1 },
    };

    for (size_t i = 0; i < COUNT(edits); i++) {
        struct fixture f;
        struct inspection seen;

        /* An old store has no table "policy", and others have no grants in the table "grant_". */
        if (strstr(edits[i].sql, old ? "policy" : "grant_ WHERE") != NULL || (!old && strstr(edits[i].sql, "UPDATE grant_")))
            continue;
        fixture_open(&f);
        fill(&f, old);
        unit_sql(f.path, edits[i].sql);
        fixture_inspect(&f, &seen);
        if (seen.opened != 0 || seen.walked != 0 || seen.found[0] != edits[i].alpha || seen.found[1] != edits[i].beta ||
            seen.found[2] != FOUND_GOOD || seen.strangers != edits[i].strangers || seen.impostors != 0) {
            fprintf(stderr, "\n%s: open %d walk %d found %d %d %d strangers %zu", edits[i].sql, seen.opened,
                    seen.walked, seen.found[0], seen.found[1], seen.found[2], seen.strangers);
            CU_FAIL("an edited row was judged wrongly");
        }
        fixture_close(&f);
    }
}

static void edited_rows(void)
{
    edited(/* old= */ false);
}

static void edited_old_rows(void)
{
    edited(/* old= */ true);
}

/* The file ends early: what is there is read, what is not is told. */
static void a_store_cut_off(void)
{
    struct fixture f;
    struct inspection seen;
    size_t len;
    uint8_t *whole;

    fixture_open(&f);
    fill(&f, /* old= */ false);
    whole = unit_read_file(f.path, &len);
    for (size_t cut = len - PAGE; cut > 0; cut -= PAGE) {
        bool told;

        CU_ASSERT_EQUAL_FATAL(truncate(f.path, (off_t)cut), 0);
        fixture_inspect(&f, &seen);
        told = seen.opened != 0 || seen.walked != 0 || seen.problem.code != 0 || seen.strangers > 0;
        for (size_t k = 0; k < f.key_count; k++)
            CU_ASSERT(seen.found[k] != FOUND_WRONG && (told || seen.found[k] != FOUND_NOT));
        CU_ASSERT_EQUAL(seen.impostors, 0);
    }
    unit_write_file(f.path, whole, len);
    all_still_good(&f);
    free(whole);
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    { "each byte of each row", each_byte_of_each_row },
    { "each byte of each row of an older schema", each_byte_of_each_old_row },
    { "each byte of each chain", each_byte_of_each_chain },
    { "edited chains", edited_chains },
    { "a damaged chain is replaced", a_damaged_chain_is_replaced },
    { "the other pages", the_other_pages },
    { "bits in a larger store", bits_in_a_larger_store },
    { "edited rows", edited_rows },
    { "edited rows of an older schema", edited_old_rows },
    { "a store cut off", a_store_cut_off },
    { NULL, NULL },
};
const struct unit_suite suite_damage = { "damage", tests };
