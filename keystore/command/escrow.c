/* A key sealed to a passphrase in a file, for the day on which the box is lost: standard PKCS#8, for any openssl(1). */
#include "command/escrow.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/socket.h"
#include "command/key_file.h"
#include "guard/secret.h"
#include "model/limits.h"

/*
 * About half a second for each guess: 16 MiB, five times over. OWASP names several costs as equal. These are the ones whose
 * memory libcrypto gives without being asked for more (32 MiB), so that openssl(1) reads the file without an option.
 */
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 5
/* No key of a box is longer in this form. */
#define ESCROW_MAX (64 * 1024)

static int crypto_failed(const char *what, struct problem *p)
{
    ERR_clear_error();
    problem_set(p, LB_E_CRYPTO, "cannot %s the escrow: libcrypto failed", what);
    problem_hint(p, "it takes scrypt, which a FIPS provider does not have: see which openssl.cnf this program reads");
    return LB_E_CRYPTO;
}

/* The sealed key as PEM into bio. */
static int seal(EVP_PKEY *key, const struct passphrase *pass, BIO *bio, struct problem *p)
{
    X509_ALGOR *algorithm = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), /* salt= */ NULL, /* saltlen= */ 0, /* iv= */ NULL,
                                                  SCRYPT_N, SCRYPT_R, SCRYPT_P);
    PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(key);
    X509_SIG *sealed = NULL;
    int r = LB_E_CRYPTO;

    if (algorithm != NULL && p8 != NULL)
        sealed = PKCS8_set0_pbe(pass->data, (int)pass->len, p8, algorithm);
    if (sealed != NULL) {
        algorithm = NULL; /* now owned by sealed */
        r = PEM_write_bio_PKCS8(bio, sealed) > 0 ? 0 : LB_E_CRYPTO;
    }
    X509_SIG_free(sealed);
    X509_ALGOR_free(algorithm);
    /* Wipes the octets. */
    PKCS8_PRIV_KEY_INFO_free(p8);
    return r == 0 ? 0 : crypto_failed("make", p);
}

/* Compares both as PrivateKeyInfo, so that the private halves are the same and not only the public ones. */
static int compare(EVP_PKEY *key, EVP_PKEY *other, struct problem *p)
{
    uint8_t *a = NULL, *b = NULL;
    size_t a_len = 0, b_len = 0;
    int r = keyfile_pkcs8(key, &a, &a_len, p);

    if (r == 0)
        r = keyfile_pkcs8(other, &b, &b_len, p);
    if (r == 0 && (a_len != b_len || CRYPTO_memcmp(a, b, a_len) != 0))
        r = problem_set(p, LB_E_VALUE, "the escrow holds another key than it should");
    secret_free(a, LB_PRIVATE_MAX);
    secret_free(b, LB_PRIVATE_MAX);
    return r;
}

/* Reads what stands in the file now, whoever wrote it. */
static int read_back(const struct escrow *e, char *ret, size_t *ret_len, struct problem *p)
{
    int fd = open(e->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    ssize_t n = -1;

    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == e->ino && st.st_dev == e->dev)
        n = pread(fd, ret, ESCROW_MAX, 0);
    else if (fd >= 0)
        errno = ESTALE;
    socket_close(fd);
    if (n < 0)
        return problem_set(p, LB_E_SYSTEM, "cannot read the escrow '%s' back: %s", e->path, strerror(errno));
    *ret_len = (size_t)n;
    return 0;
}

static int prove(const struct escrow *e, EVP_PKEY *key, const struct passphrase *pass, struct problem *p)
{
    static char pem[ESCROW_MAX]; /* sealed */
    PKCS8_PRIV_KEY_INFO *p8 = NULL;
    X509_SIG *sealed = NULL;
    EVP_PKEY *found = NULL;
    BIO *bio = NULL;
    size_t len = 0;
    int r = read_back(e, pem, &len, p);

    if (r != 0)
        return r;
    bio = BIO_new_mem_buf(pem, (int)len);
    if (bio != NULL)
        sealed = PEM_read_bio_PKCS8(bio, NULL, NULL, NULL);
    if (sealed != NULL)
        p8 = PKCS8_decrypt(sealed, pass->data, (int)pass->len);
    if (p8 != NULL)
        found = EVP_PKCS82PKEY(p8);
    r = found == NULL ? crypto_failed("open", p) : compare(key, found, p);
    EVP_PKEY_free(found);
    PKCS8_PRIV_KEY_INFO_free(p8);
    X509_SIG_free(sealed);
    BIO_free(bio);
    return r;
}

static int write_file(const char *path, BIO *bio, struct escrow *e, struct problem *p)
{
    struct newfile f = { .dir = -1, .fd = -1 };
    struct stat st = { 0 };
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    int r = len <= 0 || len > ESCROW_MAX ? crypto_failed("make", p) : newfile_begin(path, &f, p);

    if (r == 0)
        r = newfile_write(&f, data, (size_t)len, p);
    if (r == 0 && fstat(f.fd, &st) < 0)
        r = problem_set(p, LB_E_SYSTEM, "cannot look at '%s': %s", path, strerror(errno));
    if (r == 0) {
        e->dev = st.st_dev;
        e->ino = st.st_ino;
        r = newfile_commit(&f, /* replace= */ false, &e->there, p);
    }
    newfile_drop(&f);
    if (r == LB_E_EXISTS)
        problem_hint(p, "an escrow never takes the place of another file: name one that is not there");
    return r;
}

int escrow_make(const char *path, EVP_PKEY *key, const struct passphrase *pass, struct escrow *ret, struct problem *p)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int r = 0;

    memset(ret, 0, sizeof(*ret));
    if (bio == NULL)
        r = problem_set(p, LB_E_NOMEM, "out of memory");
    else if (snprintf(ret->path, sizeof(ret->path), "%s", path) >= (int)sizeof(ret->path))
        r = problem_set(p, LB_E_TOO_LONG, "'%.100s...': the path is too long", path);
    if (r == 0)
        r = seal(key, pass, bio, p);
    if (r == 0)
        r = write_file(path, bio, ret, p);
    if (r == 0)
        r = prove(ret, key, pass, p);
    BIO_free(bio);
    secret_wipe_stack();
    if (r != 0)
        escrow_undo(ret);
    return r;
}

void escrow_undo(struct escrow *e)
{
    struct stat st;

    if (e->there && lstat(e->path, &st) == 0 && st.st_ino == e->ino && st.st_dev == e->dev)
        (void)unlink(e->path);
    e->there = false;
}
