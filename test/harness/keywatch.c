/*
 * Watches directories for private keys: "keywatch PUBLIC-KEY... -- DIRECTORY...".
 *
 * Says "ready", then of each file below them that ever had a private key in it, as soon as it sees it: "private NAME
 * PATH" where NAME is the file of the public key that it belongs to, or "other"; "encrypted - PATH"; or "handle -
 * PATH". A file is opened when it appears and read again at each change, so that one that is removed soon is read too.
 * SIGTERM ends it after all that happened until then was looked at: "missed - PATH" of each file that was gone before
 * it could be opened, unless it was renamed within these directories, and then "end FILES", how many were read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/handle.h"

#define DIRS_MAX 1024
#define KEEP 256         /* files that are held open: the newest */
#define FILE_MAX (1 << 20)
#define MISSED_MAX 1024
#define EVENTS (IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)

static struct {
    int wd;
    char path[PATH_MAX];
} dirs[DIRS_MAX];
static unsigned dir_count;

static struct {
    int fd;
    char path[PATH_MAX];
} kept[KEEP];
static unsigned kept_next;

static struct {
    const char *name;
    EVP_PKEY *key;
} publics[8];
static unsigned public_count;

static char *missed[MISSED_MAX];
static unsigned missed_count;

static int notify;
static unsigned files;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void say_key(EVP_PKEY *key, const char *path)
{
    const char *name = "other";

    for (unsigned i = 0; i < public_count; i++) {
        if (EVP_PKEY_eq(publics[i].key, key) == 1)
            name = publics[i].name;
    }
    printf("private %s %s\n", name, path);
}

static int no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

/* One PEM block of a private key, decoded. */
static void look_at_block(const char *label, const unsigned char *der, long len, const char *path)
{
    struct handle h;
    const unsigned char *at = der;
    EVP_PKEY *key;

    if (handle_from_der(der, (size_t)len, &h) == 0) {
        printf("handle - %s\n", path);
        handle_clear(&h);
        return;
    }
    if (strncmp(label, "ENCRYPTED", 9) == 0) {
        printf("encrypted - %s\n", path);
        return;
    }
    key = d2i_AutoPrivateKey(NULL, &at, len);
    if (key != NULL)
        say_key(key, path);
    else
        printf("private unreadable %s\n", path);
    EVP_PKEY_free(key);
}

static void look_at(const char *data, size_t len, const char *path)
{
    BIO *bio = BIO_new_mem_buf(data, (int)len);
    const unsigned char *at = (const unsigned char *)data;
    char *label, *header;
    unsigned char *der;
    long der_len;
    EVP_PKEY *key;

    while (bio != NULL && PEM_read_bio(bio, &label, &header, &der, &der_len)) {
        size_t n = strlen(label);

        if (n >= 11 && strcmp(label + n - 11, "PRIVATE KEY") == 0 && strstr(header, "ENCRYPTED") != NULL)
            printf("encrypted - %s\n", path);
        else if (n >= 11 && strcmp(label + n - 11, "PRIVATE KEY") == 0)
            look_at_block(label, der, der_len, path);
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    BIO_free(bio);
    key = len > 0 && data[0] == 0x30 ? d2i_AutoPrivateKey(NULL, &at, (long)len) : NULL;
    if (key != NULL)
        say_key(key, path);
    EVP_PKEY_free(key);
    ERR_clear_error();
    fflush(stdout);
}

static void read_file(int fd, const char *path)
{
    static char data[FILE_MAX];
    ssize_t n = pread(fd, data, sizeof(data), 0);

    if (n > 0)
        look_at(data, (size_t)n, path);
}

static void add_missed(const char *path)
{
    if (missed_count == MISSED_MAX || (missed[missed_count] = strdup(path)) == NULL)
        die("so many files came and went");
    missed_count++;
}

/* It has another name, under which it is looked at. */
static void was_renamed(const char *path)
{
    for (unsigned i = missed_count; i-- > 0;) {
        if (strcmp(missed[i], path) == 0) {
            free(missed[i]);
            missed[i] = missed[--missed_count];
            return;
        }
    }
}

/* The descriptor of that file, kept since it appeared; a file of the same name later is another one. */
static void look_again(const char *path, bool anew)
{
    struct stat st, named;
    int fd;

    for (unsigned i = 0; i < KEEP; i++) {
        if (kept[i].fd > 0 && strcmp(kept[i].path, path) == 0) {
            read_file(kept[i].fd, path);
            if (!anew && fstat(kept[i].fd, &st) == 0 && (stat(path, &named) < 0 || named.st_ino == st.st_ino))
                return;
        }
    }
    fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT && anew)
            add_missed(path);
        return;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return;
    }
    files++;
    if (kept[kept_next].fd > 0)
        close(kept[kept_next].fd);
    kept[kept_next].fd = fd;
    snprintf(kept[kept_next].path, PATH_MAX, "%s", path);
    kept_next = (kept_next + 1) % KEEP;
    read_file(fd, path);
}

static void add_dir(const char *path)
{
    char name[PATH_MAX];
    struct dirent *entry;
    struct stat st;
    DIR *dir;
    int wd = inotify_add_watch(notify, path, EVENTS);

    if (wd < 0 && errno == ENOENT)
        return; /* gone again */
    if (wd < 0 || dir_count == DIRS_MAX)
        die(path);
    dirs[dir_count].wd = wd;
    snprintf(dirs[dir_count++].path, PATH_MAX, "%s", path);
    dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) >= (int)sizeof(name) || lstat(name, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            add_dir(name);
        else
            look_again(name, /* anew= */ false);
    }
    if (dir != NULL)
        closedir(dir);
}

static void event(const struct inotify_event *e)
{
    char path[PATH_MAX];

    if ((e->mask & IN_Q_OVERFLOW) != 0) {
        puts("overflow - -");
        return;
    }
    for (unsigned i = dir_count; e->len > 0 && i-- > 0;) {
        if (dirs[i].wd != e->wd || snprintf(path, sizeof(path), "%s/%s", dirs[i].path, e->name) >= (int)sizeof(path))
            continue;
        if ((e->mask & IN_ISDIR) != 0)
            add_dir(path);
        else if ((e->mask & IN_MOVED_FROM) != 0)
            was_renamed(path);
        else
            look_again(path, (e->mask & (IN_CREATE | IN_MOVED_TO)) != 0);
        return;
    }
}

static bool read_events(void)
{
    static char buf[65536] __attribute__((aligned(8)));
    ssize_t n = read(notify, buf, sizeof(buf));

    if (n <= 0)
        return false;
    for (char *at = buf; at < buf + n;) {
        const struct inotify_event *e = (const struct inotify_event *)at;

        event(e);
        at += sizeof(*e) + e->len;
    }
    fflush(stdout);
    return true;
}

static void read_public(const char *path)
{
    FILE *f = fopen(path, "r");
    const char *slash = strrchr(path, '/');
    EVP_PKEY *key = f == NULL ? NULL : PEM_read_PUBKEY(f, NULL, no_passphrase, NULL);

    if (key == NULL || public_count == sizeof(publics) / sizeof(publics[0]))
        die(path);
    publics[public_count].name = slash == NULL ? path : slash + 1;
    publics[public_count++].key = key;
    fclose(f);
}

int main(int argc, char **argv)
{
    struct pollfd in[2] = { { .events = POLLIN }, { .events = POLLIN } };
    sigset_t end;
    int i = 1;

    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigprocmask(SIG_BLOCK, &end, NULL);
    notify = in[0].fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    in[1].fd = signalfd(-1, &end, SFD_CLOEXEC);
    if (in[0].fd < 0 || in[1].fd < 0)
        die("inotify");
    for (; i < argc && strcmp(argv[i], "--") != 0; i++)
        read_public(argv[i]);
    for (i++; i < argc; i++)
        add_dir(argv[i]);
    if (dir_count == 0) {
        fprintf(stderr, "usage: keywatch PUBLIC-KEY... -- DIRECTORY...\n");
        return 2;
    }
    puts("ready");
    fflush(stdout);
    do {
        while (read_events())
            ;
        if (poll(in, 2, -1) < 0 && errno != EINTR)
            die("poll");
    } while ((in[1].revents & POLLIN) == 0);
    while (read_events())
        ;
    for (unsigned k = 0; k < missed_count; k++)
        printf("missed - %s\n", missed[k]);
    printf("end %u\n", files);
    return 0;
}
