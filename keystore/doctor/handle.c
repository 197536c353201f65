/* doctor: what a handle is before anybody loads it. */
#include "doctor/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/handle.h"
#include "model/uri.h"

static bool begins(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

const char *doctor_handle_file(const char *handle)
{
    if (begins(handle, LB_URI_SCHEME ":") || begins(handle, "pkcs11:"))
        return NULL;
    if (begins(handle, "file:"))
        handle += begins(handle, "file:///") ? strlen("file://") : strlen("file:");
    return handle;
}

/* The part of the path that keeps this process out; "" if that cannot be told. */
static void find_obstacle(const char *path, char *ret, size_t size)
{
    char part[PATH_MAX];
    struct stat st;
    const struct passwd *pw;

    ret[0] = '\0';
    for (const char *at = path + strspn(path, "/");; at += strspn(at, "/")) {
        bool last = strchr(at, '/') == NULL;
        size_t len;

        at += strcspn(at, "/");
        len = (size_t)(at - path);
        if (len >= sizeof(part))
            return;
        memcpy(part, path, len);
        part[len] = '\0';
        if (stat(part, &st) < 0)
            return;
        if (faccessat(AT_FDCWD, part, last ? R_OK : X_OK, AT_EACCESS) < 0)
            break;
        if (last)
            return;
    }
    pw = getpwuid(st.st_uid);
    snprintf(ret, size, ": %.150s is %s's and has mode %04o", part, pw == NULL ? "somebody" : pw->pw_name,
             (unsigned)st.st_mode & 07777);
}

/* A descriptor's file by its name. */
static void name_of(const char *path, char ret[PATH_MAX])
{
    ssize_t n = begins(path, "/proc/self/fd/") ? readlink(path, ret, PATH_MAX - 1) : -1;

    if (n > 0)
        ret[n] = '\0';
    else
        snprintf(ret, PATH_MAX, "%s", path);
}

int doctor_file_readable(const char *path, struct problem *p)
{
    char name[PATH_MAX];
    struct stat st;
    char obstacle[300], who[64];
    const struct passwd *pw;

    name_of(path, name);
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return problem_set(p, LB_E_NO_KEY, "cannot read %.200s: it is a directory", name);
    if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0)
        return 0;
    if (errno != EACCES) {
        problem_set(p, LB_E_NO_KEY, "cannot read %.200s: %s", name, strerror(errno));
        if (errno != ENOENT && errno != ENOTDIR)
            return LB_E_NO_KEY;
        problem_hint(p, "write the handle there: littlebox handle KEY --out %s", name);
        if (p->hint[0] == '\0') /* it does not fit */
            problem_hint(p, "write the handle there: littlebox handle KEY --out FILE");
        return LB_E_NO_KEY;
    }
    find_obstacle(name, obstacle, sizeof(obstacle));
    pw = getpwuid(geteuid());
    snprintf(who, sizeof(who), "%.63s", pw == NULL ? "this user" : pw->pw_name);
    problem_set(p, LB_E_NO_KEY, "cannot read %.200s: Permission denied%s", name, obstacle);
    problem_hint(p, "a handle is no secret: keep it where %s may read it, and no plain key beside it", who);
    return LB_E_NO_KEY;
}

bool doctor_file_certificate(const char *path)
{
    static const char suffix[] = "CERTIFICATE";
    BIO *bio = BIO_new_file(path, "r");
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    size_t certificates = 0, others = 0;
    X509 *cert = NULL;
    long len = 0;

    while (bio != NULL && PEM_read_bio(bio, &name, &header, &der, &len)) {
        size_t at = strlen(name) < strlen(suffix) ? 0 : strlen(name) - strlen(suffix);

        if (strcmp(name + at, suffix) == 0)
            certificates++;
        else
            others++;
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)len);
    }
    if (bio != NULL && certificates + others == 0 && BIO_seek(bio, 0) >= 0)
        cert = d2i_X509_bio(bio, NULL);
    certificates += cert != NULL;
    X509_free(cert);
    BIO_free(bio);
    ERR_clear_error();
    return certificates > 0 && others == 0;
}

void doctor_handle_key(const char *handle, char ret_box[LB_NAME_MAX + 1], char ret_key[LB_NAME_MAX + 1])
{
    struct handle h = { .type = 0 };
    struct problem p;
    struct key_uri uri;
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    BIO *bio = NULL;

    const char *file = doctor_handle_file(handle);

    ret_box[0] = '\0';
    ret_key[0] = '\0';
    if (file == NULL) {
        snprintf(h.uri, sizeof(h.uri), "%s", begins(handle, LB_URI_SCHEME ":") ? handle : "");
    } else if ((bio = BIO_new_file(file, "r")) != NULL) {
        /* Takes the first handle in the file, behind any certificates. */
        while (h.uri[0] == '\0' && PEM_read_bio(bio, &name, &header, &der, &len)) {
            if (strcmp(name, PEM_STRING_PKCS8INF) == 0 && handle_from_der(der, (size_t)len, &h) != 0)
                h.uri[0] = '\0';
            OPENSSL_free(name);
            OPENSSL_free(header);
            OPENSSL_clear_free(der, (size_t)len);
        }
    }
    ERR_clear_error();
    if (h.uri[0] != '\0' && uri_parse(h.uri, &uri, &p) == 0) {
        snprintf(ret_box, LB_NAME_MAX + 1, "%s", uri.box);
        snprintf(ret_key, LB_NAME_MAX + 1, "%s", uri.name);
    }
    handle_clear(&h);
    BIO_free(bio);
}
