/* Certificates of the hostile module, as files in its directory: whatever is in them. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "badcontrol.h"
#include "badtoken.h"

struct cert {
    uint8_t id[32], value[BAD_VALUE_MAX];
    size_t id_len, len;
    char label[128];
};

static struct {
    struct cert all[BAD_CERTS_MAX];
    unsigned count;
} certs;

static bool read_cert(const char *dir, const char *file, struct cert *ret)
{
    const char *dot = strchr(file, '.'), *end = strrchr(file, '.');
    char path[BAD_PATH_MAX + 300];
    unsigned byte;
    FILE *f;

    memset(ret, 0, sizeof(*ret));
    if (dot == NULL || end == dot || strcmp(end, ".der") != 0)
        return false;
    for (const char *p = file; p + 1 < dot && ret->id_len < sizeof(ret->id); p += 2) {
        if (sscanf(p, "%2x", &byte) != 1)
            return false;
        ret->id[ret->id_len++] = (uint8_t)byte;
    }
    snprintf(ret->label, sizeof(ret->label), "%.*s", (int)(end - dot - 1), dot + 1);
    snprintf(path, sizeof(path), "%s/%s", dir, file);
    f = fopen(path, "re");
    if (f == NULL)
        return false;
    ret->len = fread(ret->value, 1, sizeof(ret->value), f);
    fclose(f);
    return true;
}

unsigned bad_certs_load(void)
{
    char dir[BAD_PATH_MAX];
    struct dirent **entries = NULL;
    int n = scandir(bad_path(dir, "certs"), &entries, NULL, alphasort);

    certs.count = 0;
    for (int i = 0; i < n; i++) {
        if (certs.count < BAD_CERTS_MAX && read_cert(dir, entries[i]->d_name, &certs.all[certs.count]))
            certs.count++;
        free(entries[i]);
    }
    free(entries);
    return certs.count;
}

static bool put(uint8_t *value, size_t *len, const void *bytes, size_t n)
{
    memcpy(value, bytes, n);
    *len = n;
    return true;
}

bool bad_cert_attribute(unsigned n, CK_ATTRIBUTE_TYPE type, uint8_t value[BAD_VALUE_MAX], size_t *len)
{
    static const CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    static const CK_CERTIFICATE_TYPE x509 = CKC_X_509;
    const struct cert *c = &certs.all[n];

    if (n >= certs.count)
        return false;
    switch (type) {
    case CKA_CLASS: return put(value, len, &class, sizeof(class));
    case CKA_CERTIFICATE_TYPE: return put(value, len, &x509, sizeof(x509));
    case CKA_ID: return put(value, len, c->id, c->id_len);
    case CKA_LABEL: return put(value, len, c->label, strlen(c->label));
    case CKA_VALUE: return put(value, len, c->value, c->len);
    default: return false;
    }
}
