/* doctor --system: who can read or change the files of a box. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/conf_line.h"
#include "doctor/system/tree.h"
#include "doctor/system/way.h"

static const struct box_paths *paths_of(const struct audit *a, const struct audit_box *b, struct box_paths *ret)
{
    return box_paths(&a->dirs, b->name, ret) == 0 ? ret : NULL;
}

/* One file of a store. False: something is wrong with it, and that was reported. */
static bool check_file(struct audit *a, const struct audit_box *b, const char *path)
{
    char hint[2 * PATH_MAX + 40], word[2 * PATH_MAX];
    const char *quoted = cli_quoted(path, word);
    struct stat st;

    if (!tree_lstat(a, path, &st)) {
        if (errno == ENOENT)
            return true;
        doctor_report(a->d, DOCTOR_UNKNOWN, "store", "run this as root", "cannot look at %s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        doctor_report(a->d, DOCTOR_FAIL, "store", "put the file itself there", "%s is %s: the store of box '%s' is somewhere else",
                      path, S_ISLNK(st.st_mode) ? "a symbolic link" : "no file", b->name);
        return false;
    }
    if (st.st_uid != b->owner) {
        snprintf(hint, sizeof(hint), "chown %lu %s", (unsigned long)b->owner, quoted);
        doctor_report(a->d, DOCTOR_FAIL, "store", hint, "%s belongs to uid %lu, and the directory to uid %lu, the user of box '%s'",
                      path, (unsigned long)st.st_uid, (unsigned long)b->owner, b->name);
        return false;
    }
    if ((st.st_mode & 077) != 0) {
        snprintf(hint, sizeof(hint), "chmod 0600 %s", quoted);
        doctor_report(a->d, DOCTOR_FAIL, "store", hint, "others than its owner may read or write %s (mode %04o)", path,
                      (unsigned)(st.st_mode & 07777));
        return false;
    }
    if (st.st_nlink > 1) {
        doctor_report(a->d, DOCTOR_WARN, "store", "find the other one: find / -xdev -samefile FILE",
                      "%s has %lu names: one of them may be where others read it", path, (unsigned long)st.st_nlink);
        return false;
    }
    return true;
}

void audit_box_store(struct audit *a, const struct audit_box *b)
{
    static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm" };
    char path[PATH_MAX], hint[2 * PATH_MAX + 40], word[2 * PATH_MAX];
    struct box_paths paths;
    struct stat st;
    bool well;

    if (paths_of(a, b, &paths) == NULL)
        return;
    if (!tree_lstat(a, paths.state, &st)) {
        doctor_report(a->d, errno == EACCES ? DOCTOR_UNKNOWN : DOCTOR_SKIPPED, "store", errno == EACCES ? "run this as root" : NULL,
                      "box '%s' has no directory %s: %s", b->name, paths.state, strerror(errno));
        return;
    }
    if (!way_report(a, "store", paths.state, b->owner, /* absent= */ false))
        return;
    well = (st.st_mode & 077) == 0;
    if (!well) {
        snprintf(hint, sizeof(hint), "chmod 0700 %s", cli_quoted(paths.state, word));
        doctor_report(a->d, DOCTOR_FAIL, "store", hint, "others than the user of box '%s' may look into %s (mode %04o)", b->name,
                      paths.state, (unsigned)(st.st_mode & 07777));
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (snprintf(path, sizeof(path), "%s/%s", paths.state, files[i]) < PATH_MAX)
            well = check_file(a, b, path) && well;
    }
    if (well)
        doctor_report(a->d, DOCTOR_OK, "store", NULL, "the store of box '%s' is its user's alone: %s", b->name, paths.state);
}

/* The file that BOX.conf names, or where it usually is; a path that is not absolute is beside BOX.conf. */
static bool credential_path(const struct audit *a, const struct box_paths *paths, char ret[PATH_MAX])
{
    char conf[PATH_MAX], named[PATH_MAX];
    const char *slash = strrchr(paths->config, '/');

    if (!tree_path(a, paths->config, conf) || !confline_find(conf, "credential", named, sizeof(named)))
        return snprintf(ret, PATH_MAX, "%s", paths->credential) < PATH_MAX;
    if (named[0] == '/')
        return snprintf(ret, PATH_MAX, "%s", named) < PATH_MAX;
    return snprintf(ret, PATH_MAX, "%.*s/%s", (int)(slash - paths->config), paths->config, named) < PATH_MAX;
}

/* Directories are compared: an overlay has numbers of its own for the files in them. */
static bool same_file_system(const struct audit *a, const char *file, const char *directory)
{
    char of_file[PATH_MAX];
    struct stat st, other;

    snprintf(of_file, sizeof(of_file), "%.*s", (int)(strrchr(file, '/') - file + 1), file);
    return tree_stat(a, of_file, &st) && tree_stat(a, directory, &other) && st.st_dev == other.st_dev;
}

void audit_box_credential(struct audit *a, const struct audit_box *b)
{
    static const char cure[] = "bind it to this machine's TPM (systemd-creds(1), littleboxd(8)), or open the box with a passphrase: "
                               "littlebox seal add --passphrase";
    char path[PATH_MAX], hint[2 * PATH_MAX + 40], word[2 * PATH_MAX];
    struct box_paths paths;
    struct stat st;

    if (paths_of(a, b, &paths) == NULL || !credential_path(a, &paths, path))
        return;
    if (!tree_stat(a, path, &st)) {
        if (errno == EACCES)
            doctor_report(a->d, DOCTOR_UNKNOWN, "credential", "run this as root", "cannot look at %s: %s", path, strerror(errno));
        else
            doctor_report(a->d, DOCTOR_OK, "credential", NULL, "box '%s' has no credential file that opens its store: %s", b->name, path);
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        doctor_report(a->d, DOCTOR_FAIL, "credential", "name a file with 'credential' in its configuration, or take that line out",
                      "%s, which is to open box '%s', is no file", path, b->name);
        return;
    }
    if (!way_report(a, "credential", path, b->has_state ? b->owner : WAY_ROOT_ALONE, /* absent= */ false))
        return;
    if ((st.st_mode & 077) != 0) {
        snprintf(hint, sizeof(hint), "chmod 0600 %s", cli_quoted(path, word));
        doctor_report(a->d, DOCTOR_FAIL, "credential", hint, "others than its owner may read %s (mode %04o), which opens box '%s'",
                      path, (unsigned)(st.st_mode & 07777), b->name);
        return;
    }
    if (strncmp(path, paths.state, strlen(paths.state)) == 0 && path[strlen(paths.state)] == '/')
        doctor_report(a->d, DOCTOR_FAIL, "credential", cure,
                      "%s is in the directory of the store that it opens: a copy of the one has the other", path);
    else if (same_file_system(a, path, paths.state))
        doctor_report(a->d, DOCTOR_WARN, "credential", cure,
                      "%s is on the file system of the store that it opens: who has a copy of that disk has the keys of box '%s'",
                      path, b->name);
    else
        doctor_report(a->d, DOCTOR_OK, "credential", NULL, "%s is not on the file system of the store that it opens", path);
}
