/* pkcs11: URIs and reference files: which box and key they find, and what is said when that is none, or several. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto.h"
#include "suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORKER 33

/* Two boxes in one directory: hsm1 has web, with a certificate, mail and spare; hsm2 has another web and nothing else. */
static struct boxproc hsm1, hsm2;
static OSSL_LIB_CTX *contexts[2];
static char empty[] = "/tmp/littlebox-test-empty-XXXXXX";

/* What an OSSL_STORE gives: p a private key, P a public one, C a certificate, n a name. The first key; may be NULL. */
static const char *look(OSSL_LIB_CTX *libctx, const char *uri, int expect, EVP_PKEY **ret_key)
{
    static char order[64];
    OSSL_STORE_CTX *store;
    size_t count = 0;

    ERR_clear_error();
    store = OSSL_STORE_open_ex(uri, libctx, NULL, NULL, NULL, NULL, NULL, NULL);
    if (store == NULL)
        return "not opened";
    NEED(expect == 0 || OSSL_STORE_expect(store, expect) == 1);
    while (!OSSL_STORE_eof(store) && count + 1 < sizeof(order)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        int type = info == NULL ? 0 : OSSL_STORE_INFO_get_type(info);

        if (info == NULL)
            break;
        order[count++] = type == OSSL_STORE_INFO_PKEY     ? 'p'
                         : type == OSSL_STORE_INFO_PUBKEY ? 'P'
                         : type == OSSL_STORE_INFO_CERT   ? 'C'
                         : type == OSSL_STORE_INFO_NAME   ? 'n'
                                                          : '?';
        if (ret_key != NULL && *ret_key == NULL && type == OSSL_STORE_INFO_PKEY)
            *ret_key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    order[count] = '\0';
    OSSL_STORE_close(store);
    return order;
}

/* Empties the queue if it has nothing of ours. */
static bool littlebox_spoke(void)
{
    unsigned long code;

    while ((code = ERR_peek_error()) != 0) {
        const char *lib = ERR_lib_error_string(code);

        if (lib != NULL && strcmp(lib, "littlebox") == 0)
            return true;
        (void)ERR_get_error();
    }
    return false;
}

static void gives(OSSL_LIB_CTX *libctx, const char *uri, int expect, const char *order)
{
    const char *got = look(libctx, uri, expect, NULL);

    /* OpenSSL 3.5 and later leave words of their own on the queue for each name, whatever store it comes from. */
    if (strcmp(got, order) != 0 || (ERR_peek_error() != 0 && order[0] != 'n') || littlebox_spoke()) {
        fprintf(stderr, "\n%s gives '%s', not '%s'\n", uri, got, order);
        ERR_print_errors_fp(stderr);
        CU_FAIL("not what is expected");
    }
}

/* Nothing is given, and the provider says each of the texts, "" for none, in one error. */
static void refuses(OSSL_LIB_CTX *libctx, const char *uri, int expect, const char *text, const char *more)
{
    const char *got = look(libctx, uri, expect, NULL);

    CU_ASSERT(strcmp(got, "") == 0 || strcmp(got, "not opened") == 0);
    if (ERR_peek_last_error_data(NULL, NULL) == 0 || !littlebox_says(text)) {
        fprintf(stderr, "\n%s is not refused with: %s\n", uri, text);
        CU_FAIL("not refused, or with another text");
        return;
    }
    if (more[0] != '\0') {
        (void)look(libctx, uri, expect, NULL);
        CU_ASSERT_TRUE(littlebox_says(more));
    }
}

/* Setting up */

static void certify_web(void)
{
    EVP_PKEY *key = load_uri(contexts[0], "littlebox://hsm1/web", OSSL_STORE_INFO_PKEY);
    X509 *x = X509_new();
    struct bytes der;
    unsigned char *p = NULL;
    int len;

    NEED(key != NULL && x != NULL && X509_set_version(x, X509_VERSION_3) &&
         ASN1_INTEGER_set(X509_get_serialNumber(x), 1) && X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
         X509_gmtime_adj(X509_getm_notAfter(x), 86400) && X509_set_pubkey(x, key) && X509_sign(x, key, EVP_sha256()));
    len = i2d_X509(x, &p);
    NEED(len > 0);
    der = (struct bytes){ p, (size_t)len };
    boxproc_certify(&hsm1, "web", 0, &der, 1);
    OPENSSL_free(p);
    X509_free(x);
    EVP_PKEY_free(key);
}

static void set_up(void)
{
    boxproc_new(&hsm1, "hsm1");
    boxproc_beside(&hsm2, "hsm2", &hsm1);
    boxproc_create(&hsm1, "web", "ec:P-256");
    boxproc_create(&hsm1, "mail", "rsa:2048");
    boxproc_create(&hsm1, "spare", "ed25519");
    boxproc_create(&hsm1, "gone", "ed25519");
    boxproc_destroy(&hsm1, "gone", 0);
    boxproc_create(&hsm2, "web", "ec:P-256");
    for (size_t c = 0; c < 2; c++)
        contexts[c] = new_libctx(hsm1.dir, /* littlebox_first= */ c == 0, "");
    certify_web();
}

/* URIs */

static void test_found(void)
{
    static const struct {
        const char *uri;
        int expect;
        const char *order;
    } rows[] = {
        { "pkcs11:token=hsm1;object=web", 0, "pPC" },
        { "PKCS11:token=hsm%31;object=%77eb", 0, "pPC" },
        { "pkcs11:token=hsm1;object=web", OSSL_STORE_INFO_PKEY, "p" },
        { "pkcs11:token=hsm1;object=web", OSSL_STORE_INFO_PUBKEY, "P" },
        { "pkcs11:token=hsm1;object=web", OSSL_STORE_INFO_CERT, "C" },
        { "pkcs11:token=hsm1;object=web;type=private", 0, "p" },
        { "pkcs11:token=hsm1;object=web;type=public", 0, "P" },
        { "pkcs11:token=hsm1;object=web;type=cert", 0, "C" },
        { "pkcs11:token=hsm1;object=web;type=private", OSSL_STORE_INFO_PKEY, "p" },
        { "pkcs11:token=hsm1;object=web;type=cert", OSSL_STORE_INFO_PKEY, "" },
        { "pkcs11:token=hsm2;object=web", 0, "pP" },
        { "pkcs11:token=hsm2;object=web;type=cert", 0, "" },
        { "pkcs11:object=mail", 0, "pP" },
        { "pkcs11:object=mail?pin-source=file:/etc/pin&module-name=softhsm2", 0, "pP" },
        { "pkcs11:manufacturer=littlebox;model=sealed;object=mail", 0, "pP" },
        /* The token has one key: that one. */
        { "pkcs11:token=hsm2", 0, "pP" },
        { "pkcs11:token=hsm2;type=private", OSSL_STORE_INFO_PKEY, "p" },
        /* It has several, and nobody asks for a key. */
        { "pkcs11:token=hsm1", 0, "nnnn" },
        { "pkcs11:token=hsm1", OSSL_STORE_INFO_NAME, "nnnn" },
    };

    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < COUNT(rows); i++)
            gives(contexts[c], rows[i].uri, rows[i].expect, rows[i].order);
    }
}

static void test_works(void)
{
    for (size_t c = 0; c < 2; c++) {
        EVP_PKEY *key = NULL, *same = load_uri(contexts[c], "littlebox://hsm1/mail", OSSL_STORE_INFO_PKEY), *plain;
        char *pem;

        CU_ASSERT_STRING_EQUAL(look(contexts[c], "pkcs11:object=mail;type=private", 0, &key), "p");
        NEED(key != NULL && same != NULL);
        plain = plain_public(key);
        CU_ASSERT_EQUAL(EVP_PKEY_eq(key, same), 1);
        CU_ASSERT(signs(contexts[c], key, plain));
        /* What it is written as names the box. */
        pem = handle_pem(key);
        EVP_PKEY_free(same);
        same = load_pem(contexts[c], pem);
        CU_ASSERT(same != NULL && EVP_PKEY_eq(key, same) == 1);
        OPENSSL_free(pem);
        EVP_PKEY_free(plain);
        EVP_PKEY_free(same);
        EVP_PKEY_free(key);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *uri;
        int expect;
        const char *text, *more;
    } rows[] = {
        { "pkcs11:object=web", 0,
          "'pkcs11:object=web' fits several keys: littlebox://hsm1/web (object=web), littlebox://hsm2/web (object=web); hint: "
          "say which: with one of these URIs",
          "" },
        { "pkcs11:token=hsm1", OSSL_STORE_INFO_PKEY,
          "'pkcs11:token=hsm1' fits several keys: littlebox://hsm1/mail (object=mail), littlebox://hsm1/spare "
          "(object=spare), littlebox://hsm1/web (object=web)",
          "" },
        { "pkcs11:token=hsm1;type=private", 0, "fits several keys", "littlebox://hsm1/spare" },
        { "pkcs11:", 0, "'pkcs11:' fits several keys", "" },
        { "pkcs11:token=hsm3;object=web", 0,
          "no box has the token of 'pkcs11:token=hsm3;object=web': box 'hsm1' has pkcs11:token=hsm1;manufacturer=littlebox;"
          "model=sealed, box 'hsm2' has pkcs11:token=hsm2;manufacturer=littlebox;model=sealed; hint: start a box with that token",
          "" },
        { "pkcs11:token=a%20token;manufacturer=a%20manufacturer;model=a%20model;serial=0123456789abcdef;id=%01%02%03%04%05%06"
          "%07%08%09%0a;object=mail", 0,
          "no box has the token of 'pkcs11:token=a%20token;manufacturer=a%20manufacturer;model=a%20model;serial="
          "0123456789abcdef;object=mail;id=%01%02...': box", "" },
        { "pkcs11:serial=1;object=web", 0, "no box has the token of 'pkcs11:serial=1;object=web'", "" },
        { "pkcs11:token=hsm1;object=none", 0,
          "no box has the object of 'pkcs11:token=hsm1;object=none': box 'hsm1' has no such object on "
          "pkcs11:token=hsm1;manufacturer=littlebox;model=sealed, box 'hsm2' has pkcs11:token=hsm2",
          "the keys of a box: littlebox --box hsm1 list" },
        { "pkcs11:token=hsm1;object=gone", 0, "no box has the object of", "" },
        { "pkcs11:token=hsm1;object=web;id=%01", 0, "no box has the object of", "" },
        /* What stands in a URI reaches a terminal encoded. */
        { "pkcs11:object=%1B[0m", 0, "no box has the object of 'pkcs11:object=%1B%5B0m'", "" },
        { "pkcs11:object=web;type=data", 0, "type=data: a box gives out private keys, public keys and certificates", "" },
        { "pkcs11:object=web;type=secret-key", 0, "type=secret-key: a box gives out private keys", "" },
        { "pkcs11:object=web;colour=red", 0, "unknown attribute 'colour' in a PKCS#11 URI", "" },
        { "pkcs11:object=web?pin-value=1234", 0,
          "the PKCS#11 URI has a pin-value: a PIN does not belong into a program that uses a key; hint: take pin-value out of "
          "the URI and give the PIN to the box: 'pin' in littlebox.conf(5)",
          "" },
        { "pkcs11:object=web?module-path=/lib/x.so", 0, "the PKCS#11 URI has a module-path: no PKCS#11 module is loaded", "" },
    };

    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < COUNT(rows); i++)
            refuses(contexts[c], rows[i].uri, rows[i].expect, rows[i].text, rows[i].more);
    }
}

static void test_many(void)
{
    char name[24], uri[64];

    for (int i = 0; i < 70; i++) {
        snprintf(name, sizeof(name), "crowd-%02d", i);
        boxproc_create(&hsm1, name, "ed25519");
    }
    refuses(contexts[0], "pkcs11:token=hsm1", OSSL_STORE_INFO_PKEY, "littlebox://hsm1/crowd-00 (object=crowd-00), ",
            " and more; hint: say which");
    snprintf(uri, sizeof(uri), "pkcs11:object=crowd-69");
    gives(contexts[0], uri, 0, "pP");
    for (int i = 0; i < 70; i++) {
        snprintf(name, sizeof(name), "crowd-%02d", i);
        boxproc_destroy(&hsm1, name, 0);
    }
}

static void test_search(void)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex("pkcs11:token=hsm1", contexts[0], NULL, NULL, NULL, NULL, NULL, NULL);
    OSSL_STORE_SEARCH *search = OSSL_STORE_SEARCH_by_alias("spare");
    OSSL_STORE_INFO *info;

    NEED(store != NULL && search != NULL && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1 &&
         OSSL_STORE_find(store, search) == 1);
    info = OSSL_STORE_load(store);
    CU_ASSERT(info != NULL && EVP_PKEY_is_a(OSSL_STORE_INFO_get0_PKEY(info), "ED25519"));
    OSSL_STORE_INFO_free(info);
    CU_ASSERT_EQUAL(OSSL_STORE_eof(store), 1);
    OSSL_STORE_SEARCH_free(search);
    OSSL_STORE_close(store);
}

/* Whoever asks all boxes stays connected to the one that has the key, and to no other. */
static void test_descriptors(void)
{
    OSSL_LIB_CTX *libctx = new_libctx(hsm1.dir, true, "");
    unsigned before, after;

    gives(libctx, "littlebox://hsm1/web", 0, "pPC");
    before = count_descriptors();
    gives(libctx, "pkcs11:token=hsm1;object=web", 0, "pPC");
    refuses(libctx, "pkcs11:object=web", 0, "fits several keys", "");
    after = count_descriptors();
    CU_ASSERT_EQUAL(after, before);
    OSSL_LIB_CTX_free(libctx);
}

/* Boxes that are locked, dead, or not there */

static void test_dead_boxes(void)
{
    OSSL_LIB_CTX *libctx = new_libctx(hsm1.dir, true, "");

    boxproc_lock(&hsm1);
    gives(libctx, "pkcs11:token=hsm1;object=web", 0, "pPC");
    boxproc_kill(&hsm2);
    /* It has no part in it now. */
    gives(libctx, "pkcs11:object=web", 0, "pPC");
    refuses(libctx, "pkcs11:token=hsm2;object=web", 0, "box 'hsm1' has pkcs11:token=hsm1;manufacturer=littlebox;model=sealed, "
                                                       "no box 'hsm2' answers at ", "");
    boxproc_start(&hsm2);
    gives(libctx, "pkcs11:token=hsm2;object=web", 0, "pP");
    boxproc_stop(&hsm1);
    boxproc_start(&hsm1);
    OSSL_LIB_CTX_free(libctx);
}

static void test_no_boxes(void)
{
    char dir[] = "/tmp/littlebox-test-XXXXXX";
    OSSL_LIB_CTX *libctx;
    char path[64];
    FILE *f;

    NEED(mkdtemp(dir) != NULL);
    libctx = new_libctx(dir, true, "");
    refuses(libctx, "pkcs11:object=web", 0, "there is no box that could have 'pkcs11:object=web'; hint: start one with that token",
            "littlebox-directory in openssl.cnf is where their sockets are");
    /* What only looks like a socket of a box, or is none, is nobody. */
    snprintf(path, sizeof(path), "%s/.sock", dir);
    f = fopen(path, "w");
    NEED(f != NULL && fclose(f) == 0);
    refuses(libctx, "pkcs11:object=web", 0, "there is no box that could have", "");
    unlink(path);
    snprintf(path, sizeof(path), "%s/plain.sock", dir);
    f = fopen(path, "w");
    NEED(f != NULL && fclose(f) == 0);
    refuses(libctx, "pkcs11:object=web", 0, "no box has the token of 'pkcs11:object=web': no box 'plain' answers at", "");
    unlink(path);
    rmdir(dir);
    refuses(libctx, "pkcs11:object=web", 0, "there is no box that could have", "");
    OSSL_LIB_CTX_free(libctx);
    libctx = new_libctx(hsm1.dir, true, "littlebox-timeout = never");
    refuses(libctx, "pkcs11:token=hsm1;object=web", 0, "littlebox-timeout = never: not a number", "");
    OSSL_LIB_CTX_free(libctx);
}

/* Other users, and chroot */

static void in_child(void (*run)(void))
{
    int status = 0;
    pid_t pid = fork();

    NEED(pid >= 0);
    if (pid == 0) {
        alarm(600);
        run();
        _exit(0);
    }
    NEED(waitpid(pid, &status, 0) == pid);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A token as a whole shows what is granted; a name finds what it names, as GET does. */
static void as_worker(void)
{
    NEED(setgid(WORKER) == 0 && setuid(WORKER) == 0);
    NEED(strcmp(look(contexts[0], "pkcs11:token=hsm1", OSSL_STORE_INFO_PKEY, NULL), "p") == 0);
    NEED(strcmp(look(contexts[0], "pkcs11:token=hsm1;object=mail", 0, NULL), "pP") == 0);
    NEED(strcmp(look(contexts[0], "pkcs11:token=hsm2", 0, NULL), "") == 0);
}

/* The boxes that are known are asked without their sockets. */
static void in_chroot(void)
{
    NEED(chroot(empty) == 0 && chdir("/") == 0);
    NEED(access(hsm1.socket, F_OK) < 0);
    NEED(strcmp(look(contexts[0], "pkcs11:token=hsm1;object=web", 0, NULL), "pPC") == 0);
}

static void test_others(void)
{
    if (geteuid() != 0) {
        fprintf(stderr, " not root: not run ");
        return;
    }
    boxproc_allow(&hsm1, "spare", WORKER);
    gives(contexts[0], "littlebox://hsm1/web", 0, "pPC");
    NEED(mkdtemp(empty) != NULL);
    in_child(as_worker);
    in_child(in_chroot);
    rmdir(empty);
}

/* Reference files */

static EVP_PKEY *load_reference(OSSL_LIB_CTX *libctx, const char *uri)
{
    char *pem = reference_pem("PKCS#11 Provider URI v1.0", uri);
    EVP_PKEY *key;

    ERR_clear_error();
    key = load_pem(libctx, pem);
    OPENSSL_free(pem);
    return key;
}

static EVP_PKEY *load_public_reference(OSSL_LIB_CTX *libctx, const char *uri)
{
    char *pem = reference_pem("PKCS#11 Provider URI v1.0", uri);
    BIO *mem = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key;

    ERR_clear_error();
    key = PEM_read_bio_PUBKEY_ex(mem, NULL, NULL, NULL, libctx, NULL);
    BIO_free(mem);
    OPENSSL_free(pem);
    return key;
}

static void test_references(void)
{
    for (size_t c = 0; c < 2; c++) {
        EVP_PKEY *key = load_reference(contexts[c], "pkcs11:token=hsm1;object=web"), *plain, *public;

        NEED(key != NULL && ERR_peek_error() == 0);
        plain = plain_public(key);
        CU_ASSERT(signs(contexts[c], key, plain));
        public = load_public_reference(contexts[c], "pkcs11:token=hsm1;object=web;type=public");
        CU_ASSERT(public != NULL && EVP_PKEY_eq(public, key) == 1);
        EVP_PKEY_free(public);
        /* Who looks for something else hears nothing of us. */
        CU_ASSERT_PTR_NULL(load_public_reference(contexts[c], "pkcs11:token=hsm1;object=web;type=private"));
        CU_ASSERT_FALSE(ERR_GET_LIB(ERR_peek_error()) >= ERR_LIB_USER);
        CU_ASSERT_PTR_NULL(load_reference(contexts[c], "pkcs11:token=hsm1;object=web;type=public"));
        CU_ASSERT_FALSE(ERR_GET_LIB(ERR_peek_error()) >= ERR_LIB_USER);
        EVP_PKEY_free(plain);
        EVP_PKEY_free(key);
    }
}

static void test_bad_references(void)
{
    static const struct {
        const char *uri, *text;
    } rows[] = {
        { "pkcs11:token=hsm1;object=none", "no box has the object of 'pkcs11:token=hsm1;object=none'" },
        { "pkcs11:object=web", "fits several keys: littlebox://hsm1/web" },
        { "pkcs11:token=hsm1;object=web?pin-value=1234", "has a pin-value: a PIN does not belong" },
        { "pkcs11:token=hsm1;object=web;type=cert", "this reference to a key on a token says type=cert" },
        { "pkcs11:token=hsm1;object=web;type=data", "type=data: a box gives out" },
        { "littlebox:web", "this is not a PKCS#11 URI" },
    };
    char *pem = reference_pem("PKCS#11 Provider URI v2.0", "pkcs11:token=hsm1;object=web"), *cut;
    EVP_PKEY *key;

    for (size_t i = 0; i < COUNT(rows); i++) {
        CU_ASSERT_PTR_NULL(load_reference(contexts[0], rows[i].uri));
        CU_ASSERT_TRUE(littlebox_says(rows[i].text));
    }
    CU_ASSERT_PTR_NULL(load_pem(contexts[0], pem));
    CU_ASSERT_TRUE(littlebox_says("is of a newer form than 'PKCS#11 Provider URI v1.0'; hint: put the PKCS#11 URI itself"));
    OPENSSL_free(pem);
    pem = reference_pem("PKCS#11 Provider URI v1.0", "pkcs11:token=hsm1;object=web");
    /* A line is lost. */
    cut = strchr(pem, '\n') + 1;
    memmove(cut, strchr(cut, '\n') + 1, strlen(strchr(cut, '\n') + 1) + 1);
    key = load_pem(contexts[0], pem);
    CU_ASSERT_PTR_NULL(key);
    CU_ASSERT_TRUE(littlebox_says("this reference to a key on a token is cut off or damaged"));
    OPENSSL_free(pem);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "what is found", test_found },
        { "keys that work", test_works },
        { "what is refused", test_refused },
        { "more than fit into a text", test_many },
        { "a search in a token", test_search },
        { "descriptors", test_descriptors },
        { "other users and chroot", test_others },
        { "references", test_references },
        { "bad references", test_bad_references },
        { "no boxes", test_no_boxes },
        { "boxes that are locked or dead", test_dead_boxes },
        CU_TEST_INFO_NULL,
    };
    int status;

    set_up();
    status = run_suite("p11", tests);
    for (size_t c = 0; c < 2; c++)
        OSSL_LIB_CTX_free(contexts[c]);
    boxproc_free(&hsm2);
    boxproc_free(&hsm1);
    return status;
}
