/* doctor: what openssl.cnf says about providers, and what it should say. */
#include "doctor/config.h"

#include <errno.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client/owner.h"

#define PLUGIN "littlebox"

static void copy(char *ret, size_t size, const char *s)
{
    snprintf(ret, size, "%s", s == NULL ? "" : s);
}

/* NCONF_get_string(), but leaves no error on the queue for what is merely absent. */
static const char *get(CONF *conf, const char *section, const char *name)
{
    const char *s = section != NULL && section[0] == '\0' ? NULL : NCONF_get_string(conf, section, name);

    ERR_clear_error();
    return s;
}

/* OpenSSL goes by the name behind a dot, if there is one. */
static const char *plain_name(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot == NULL ? name : dot + 1;
}

/* OpenSSL 3.0 takes any value for a yes; 3.2 and later do not. */
static bool is_on(CONF *conf, const char *section, const char *name)
{
    static const char *const off[] = { "0", "no", "off", "false" };
    const char *value = get(conf, section, name);

    for (size_t i = 0; value != NULL && i < sizeof(off) / sizeof(off[0]); i++) {
        if (strcasecmp(value, off[i]) == 0)
            return false;
    }
    return value != NULL;
}

static bool is_active(CONF *conf, const char *section)
{
    return is_on(conf, section, "activate");
}

static void read_providers(CONF *conf, struct doctor_conf *ret)
{
    STACK_OF(CONF_VALUE) *rows = ret->providers[0] == '\0' ? NULL : NCONF_get_section(conf, ret->providers);

    ERR_clear_error();
    for (int i = 0; i < sk_CONF_VALUE_num(rows); i++) {
        const CONF_VALUE *row = sk_CONF_VALUE_value(rows, i);
        const char *identity = get(conf, row->value, "identity");
        const char *name = identity != NULL ? identity : plain_name(row->name);

        if (strcmp(name, "default") == 0) {
            copy(ret->default_section, sizeof(ret->default_section), row->value);
            ret->default_active = is_active(conf, row->value);
        } else if (strcmp(name, PLUGIN) == 0) {
            copy(ret->littlebox_section, sizeof(ret->littlebox_section), row->value);
            ret->littlebox_active = is_active(conf, row->value);
            copy(ret->module, sizeof(ret->module), get(conf, row->value, "module"));
            copy(ret->directory, sizeof(ret->directory), get(conf, row->value, "littlebox-directory"));
            copy(ret->box, sizeof(ret->box), get(conf, row->value, "littlebox-box"));
            copy(ret->users, sizeof(ret->users), get(conf, row->value, LB_OWNERS_SETTING));
            copy(ret->timeout, sizeof(ret->timeout), get(conf, row->value, "littlebox-timeout"));
            copy(ret->assume_fips, sizeof(ret->assume_fips), get(conf, row->value, "littlebox-assume-fips"));
        } else if (strcmp(name, "fips") == 0) {
            ret->fips_active = is_active(conf, row->value);
        } else if (strcmp(name, "base") == 0) {
            ret->base_active = is_active(conf, row->value);
        }
    }
}

/* default_properties, and fips_mode, which is another way to write fips=yes there (config(5)). */
static void read_properties(CONF *conf, struct doctor_conf *ret)
{
    const char *section = ret->init[0] == '\0' ? NULL : get(conf, ret->init, "alg_section");

    if (section == NULL)
        return;
    copy(ret->properties, sizeof(ret->properties), get(conf, section, "default_properties"));
    if (ret->properties[0] == '\0' && is_on(conf, section, "fips_mode"))
        copy(ret->properties, sizeof(ret->properties), "fips=yes");
}

void doctor_conf_default(char ret[PATH_MAX])
{
    if (snprintf(ret, PATH_MAX, "%s/openssl.cnf", X509_get_default_cert_area()) >= PATH_MAX)
        ret[0] = '\0';
}

void doctor_conf_read_file(const char *path, struct doctor_conf *ret)
{
    CONF *conf = NCONF_new(NULL);
    long line = 0;

    memset(ret, 0, sizeof(*ret));
    copy(ret->path, sizeof(ret->path), path);
    if (path == NULL || conf == NULL) {
        copy(ret->error, sizeof(ret->error), "out of memory");
    } else if (access(path, R_OK) < 0) {
        copy(ret->error, sizeof(ret->error), strerror(errno));
    } else if (NCONF_load(conf, path, &line) <= 0) {
        snprintf(ret->error, sizeof(ret->error), "OpenSSL cannot read line %ld", line);
    } else {
        copy(ret->init, sizeof(ret->init), get(conf, NULL, "openssl_conf"));
        copy(ret->providers, sizeof(ret->providers), get(conf, ret->init, "providers"));
        read_providers(conf, ret);
        read_properties(conf, ret);
    }
    ERR_clear_error();
    NCONF_free(conf);
}

void doctor_conf_read(struct doctor_conf *ret)
{
    char *path = CONF_get1_default_config_file();

    doctor_conf_read_file(path, ret);
    OPENSSL_free(path);
}

static void add(char ret[DOCTOR_LINES_MAX], const char *fmt, ...) LB_PRINTF(2, 3);

static void add(char ret[DOCTOR_LINES_MAX], const char *fmt, ...)
{
    size_t len = strlen(ret);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(ret + len, DOCTOR_LINES_MAX - len, fmt, ap);
    va_end(ap);
}

/* The name that is there, or else the one to give. */
static const char *either(const char *there, const char *ours)
{
    return there[0] == '\0' ? ours : there;
}

void doctor_conf_lines(const struct doctor_conf *conf, const char *module, const char *directory, const char *users,
                       char ret[DOCTOR_LINES_MAX])
{
    const char *init = either(conf->init, "openssl_init"), *providers = either(conf->providers, "provider_sect");
    bool set_module = module != NULL && strcmp(conf->module, module) != 0;
    bool set_directory = directory != NULL && strcmp(conf->directory, directory) != 0;
    bool set_users = users != NULL && strcmp(conf->users, users) != 0;
    bool add_default = !conf->default_active && !doctor_conf_fips(conf);

    ret[0] = '\0';
    if (conf->init[0] == '\0')
        add(ret, "[default]\nopenssl_conf = %s\n", init);
    if (conf->providers[0] == '\0')
        add(ret, "[%s]\nproviders = %s\n", init, providers);
    if ((add_default && conf->default_section[0] == '\0') || conf->littlebox_section[0] == '\0')
        add(ret, "[%s]\n", providers);
    if (add_default && conf->default_section[0] == '\0')
        add(ret, "default = default_sect\n");
    if (conf->littlebox_section[0] == '\0')
        add(ret, PLUGIN " = littlebox_sect\n");
    if (add_default)
        add(ret, "[%s]\nactivate = 1\n", either(conf->default_section, "default_sect"));
    if (!conf->littlebox_active || set_module || set_directory || set_users)
        add(ret, "[%s]\n", either(conf->littlebox_section, "littlebox_sect"));
    if (set_module)
        add(ret, "module = %s\n", module);
    if (set_directory)
        add(ret, "littlebox-directory = %s\n", directory);
    if (set_users)
        add(ret, LB_OWNERS_SETTING " = %s\n", users);
    if (!conf->littlebox_active)
        add(ret, "activate = 1\n");
}

void doctor_module_path(const struct doctor_conf *conf, const char *given, char ret[PATH_MAX])
{
    const char *dir = secure_getenv("OPENSSL_MODULES"), *name = conf->module[0] == '\0' ? PLUGIN ".so" : conf->module;

    if (given != NULL) {
        if (realpath(given, ret) == NULL)
            snprintf(ret, PATH_MAX, "%s", given);
        return;
    }
    if (dir == NULL)
        dir = OPENSSL_info(OPENSSL_INFO_MODULES_DIR);
    if (dir == NULL || name[0] == '/')
        dir = name[0] == '/' ? "" : LB_MODULESDIR;
    /* A path that is too long is no file. */
    if (snprintf(ret, PATH_MAX, "%s%s%s%s", dir, dir[0] == '\0' ? "" : "/", name,
                 strstr(name, ".so") == NULL ? ".so" : "") >= PATH_MAX)
        ret[0] = '\0';
}
