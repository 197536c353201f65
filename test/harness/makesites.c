/* Makes many sites' keys and certificates, quickly: no two keys are the same. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

/* makesites DIR COUNT: P-256 keys DIR/site1.pem, site2.pem ... and certificates DIR/site1.crt ... that each signs for itself. */

#define DAY (24 * 60 * 60L)

static int fail(const char *what)
{
    fprintf(stderr, "makesites: %s\n", what);
    ERR_print_errors_fp(stderr);
    return 1;
}

static X509 *certify(EVP_PKEY *key, unsigned long n)
{
    X509 *c = X509_new();
    char name[40];

    snprintf(name, sizeof(name), "site%lu.localhost", n);
    if (c != NULL && X509_set_version(c, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(c), (long)n) &&
        X509_gmtime_adj(X509_getm_notBefore(c), -DAY) != NULL && X509_gmtime_adj(X509_getm_notAfter(c), 2 * DAY) != NULL &&
        X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) &&
        X509_set_issuer_name(c, X509_get_subject_name(c)) && X509_set_pubkey(c, key) && X509_sign(c, key, EVP_sha256()) > 0)
        return c;
    X509_free(c);
    return NULL;
}

static FILE *open_file(const char *dir, unsigned long n, const char *ending)
{
    char path[4096];

    return snprintf(path, sizeof(path), "%s/site%lu.%s", dir, n, ending) < (int)sizeof(path) ? fopen(path, "w") : NULL;
}

/* Closes the file, too. */
static int written(FILE *f, int ok)
{
    if (f != NULL && fclose(f) != 0)
        ok = 0;
    return f != NULL && ok;
}

static int make_site(const char *dir, unsigned long n)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key == NULL ? NULL : certify(key, n);
    FILE *f;
    int ok = certificate != NULL;

    if (ok) {
        f = open_file(dir, n, "pem");
        ok = written(f, f != NULL && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
    }
    if (ok) {
        f = open_file(dir, n, "crt");
        ok = written(f, f != NULL && PEM_write_X509(f, certificate));
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ok;
}

int main(int argc, char **argv)
{
    unsigned long count;

    if (argc != 3) {
        fputs("usage: makesites DIR COUNT\n", stderr);
        return 2;
    }
    count = strtoul(argv[2], NULL, 10);
    for (unsigned long n = 1; n <= count; n++) {
        if (!make_site(argv[1], n))
            return fail(argv[1]);
    }
    return 0;
}
