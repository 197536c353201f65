/* doctor --system: who can change what each program that uses OpenSSL loads: openssl.cnf, what it includes, and the module. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/system/tree.h"
#include "doctor/system/way.h"

/* Bytes of a file that are read, and files that are looked at. */
#define CNF_MAX (1 << 20)
#define FILES_MAX 200
#define DEPTH_MAX 8

struct look {
    struct audit *a;
    unsigned files;
    bool well;
};

static void read_file(struct look *l, const char *path, unsigned depth);

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), n = strlen(end);

    return len > n && strcmp(name + len - n, end) == 0;
}

/* Of a directory OpenSSL reads the files with these endings (config(5)). */
static void read_directory(struct look *l, const char *path, unsigned depth)
{
    DIR *dir = tree_opendir(l->a, path);
    const struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        char file[PATH_MAX];

        if ((ends_with(e->d_name, ".cnf") || ends_with(e->d_name, ".conf")) &&
            snprintf(file, sizeof(file), "%s/%s", path, e->d_name) < PATH_MAX)
            read_file(l, file, depth);
    }
    if (dir != NULL)
        closedir(dir);
}

/* The path of an .include line, or NULL. Blanks, '=' and quotes around it go. */
static char *included(char *line)
{
    char *s = line + strspn(line, " \t"), *end;

    if (strncmp(s, ".include", strlen(".include")) != 0)
        return NULL;
    s += strlen(".include");
    if (strchr(" \t=", *s) == NULL)
        return NULL;
    s += strspn(s, " \t=\"'");
    end = s + strcspn(s, "#\r\n");
    while (end > s && strchr(" \t\"'", end[-1]) != NULL)
        end--;
    *end = '\0';
    return *s == '\0' ? NULL : s;
}

static void read_include(struct look *l, const char *file, const char *path, unsigned depth)
{
    struct stat st;

    if (path[0] != '/' || strchr(path, '$') != NULL) {
        doctor_report(l->a->d, DOCTOR_WARN, "openssl.cnf", "write the whole path there",
                      "%s includes %s, which is another file where a program was started in another directory or environment",
                      file, path);
        l->well = false;
        return;
    }
    if (tree_stat(l->a, path, &st) && S_ISDIR(st.st_mode)) {
        if (way_report(l->a, "openssl.cnf", path, WAY_ROOT_ALONE, /* absent= */ true))
            read_directory(l, path, depth + 1);
        else
            l->well = false;
        return;
    }
    read_file(l, path, depth + 1);
}

static void read_file(struct look *l, const char *path, unsigned depth)
{
    char *text, *save = NULL;

    if (++l->files > FILES_MAX || depth > DEPTH_MAX)
        return;
    if (!way_report(l->a, "openssl.cnf", path, WAY_ROOT_ALONE, /* absent= */ depth > 0)) {
        l->well = false;
        return;
    }
    text = malloc(CNF_MAX);
    if (text != NULL && tree_read(l->a, path, text, CNF_MAX) >= 0) {
        for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
            const char *more = included(line);

            if (more != NULL)
                read_include(l, path, more, depth);
        }
    }
    free(text);
}

void audit_openssl_cnf(struct audit *a)
{
    struct look l = { .a = a, .well = true };
    char path[PATH_MAX];
    struct stat st;

    if (a->here)
        snprintf(path, sizeof(path), "%s", a->d->conf.path);
    else
        doctor_conf_default(path);
    if (!tree_stat(a, path, &st) && errno != EACCES) {
        doctor_report(a->d, DOCTOR_SKIPPED, "openssl.cnf", NULL, "there is no %s", path);
        return;
    }
    read_file(&l, path, 0);
    if (l.well)
        doctor_report(a->d, DOCTOR_OK, "openssl.cnf", NULL, "only root can change %s%s", path,
                      l.files > 1 ? " and what it includes" : "");
}

/* The module is code in each server, with all that a server may do. */
void audit_module(struct audit *a)
{
    const char *path = a->d->module;
    struct stat st;

    if (!tree_stat(a, path, &st) && errno != EACCES) {
        doctor_report(a->d, DOCTOR_SKIPPED, "module", NULL, "there is no provider module at %s", path);
        return;
    }
    if (way_report(a, "module", path, WAY_ROOT_ALONE, /* absent= */ false))
        doctor_report(a->d, DOCTOR_OK, "module", NULL, "only root can change the provider module %s", path);
}

/* Whoever can write there can put a box of his own in the place of one, or make one under a name that servers look for. */
void audit_directories(struct audit *a)
{
    const struct {
        const char *check, *path;
    } dirs[] = { { "socket directory", a->dirs.run }, { "state directory", a->dirs.state },
                 { "configuration directory", a->dirs.config } };

    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        struct stat st;

        if (!tree_stat(a, dirs[i].path, &st) && errno != EACCES)
            doctor_report(a->d, DOCTOR_SKIPPED, dirs[i].check, NULL, "there is no %s", dirs[i].path);
        else if (way_report(a, dirs[i].check, dirs[i].path, WAY_ROOT_ALONE, /* absent= */ false))
            doctor_report(a->d, DOCTOR_OK, dirs[i].check, NULL, "only root can make boxes and sockets in %s", dirs[i].path);
    }
}
