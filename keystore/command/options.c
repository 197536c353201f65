/* The table of options. */
#include "command/cli.h"

#include <string.h>

#define SEAL_OPTION(number, NAME, name, source, unattended, guessable, least_new, least_tried, option, help) \
    [OPT_##NAME] = { option, SEAL_VALUE_##source, help },

const struct option_text cli_options[OPT_COUNT] = {
    SEAL_KINDS(SEAL_OPTION, )
    [OPT_ALL] = { "--all", NULL, "also what is destroyed, or to be destroyed (list); of all keys (deploy)" },
    [OPT_ALLOW] = { "--allow", "USER", "a user, by name or number, who may sign with the key" },
    [OPT_AT] = { "--at", "TIME", "become the current version then: 2027-01-31T06:00:00Z, or a day" },
    [OPT_BACK] = { "--back", NULL, "make the version before the current one again" },
    [OPT_CANCEL] = { "--cancel", NULL, "do not destroy what is to be destroyed" },
    [OPT_CHAIN] = { "--chain", "FILE", "its certificates, PEM; '-': standard input (activate); where the server has them (deploy)" },
    [OPT_CHECK] = { "--check", "ADDRESS", "where the server answers, HOST:PORT[,PROTOCOL] or a path: which key it serves is looked at" },
    [OPT_COMBINED] = { "--combined", "FILE", "where the server has certificates and handle in one file" },
    [OPT_CONFIG] = { "--config", "FILE", "the server's configuration, if it is not where Debian has it" },
    [OPT_DRAIN] = { "--drain", "TIME", "how long the version that is replaced goes on: 24h if not given" },
    [OPT_DRY_RUN] = { "--dry-run", NULL, "say what would be done, and do nothing" },
    [OPT_EACH] = { "--each", NULL, "many files, each under the name that its file name makes" },
    [OPT_ESCROW] = { "--escrow", "FILE", "first seal the key to a passphrase in this new file" },
    [OPT_ESCROW_PASSPHRASE_FILE] = { "--escrow-passphrase-file", "FILE", "with the passphrase of the first line of this file" },
    [OPT_EXPIRING] = { "--expiring", "TIME", "what ends within so long: 30d" },
    [OPT_FILE] = { "--file", "FILE", "this openssl.cnf, and not the one that programs read here" },
    [OPT_FOR] = { "--for", "PURPOSES", "what the key is for: tls-server,csr" },
    [OPT_FORCE] = { "--force", NULL, "also where a file is there (handle), its program can use no handle (adopt), or a name or time of the certificate is wrong (activate, roll)" },
    [OPT_FORGET] = { "--forget", "FILE", "the deployment that writes this file is none any more" },
    [OPT_FROM] = { "--from", "FILE", "the files whose paths are in this one, a line each; '-': in standard input" },
    [OPT_GROUP] = { "--group", "GROUP", "a group, by name or number" },
    [OPT_HANDLE] = { "--handle", "URI|FILE", "make a test signature with this key (doctor); where the server has the handle (deploy)" },
    [OPT_KEY] = { "--key", "KEY", "the key's name in the box" },
    [OPT_ID] = { "--id", "HEX", "the id of the object on the token (CKA_ID)" },
    [OPT_LABEL] = { "--label", "TEXT", "a remark kept with the seal; of the object on the token (CKA_LABEL)" },
    [OPT_LIKE] = { "--like", "FILE", "what is not said is as in this certificate" },
    [OPT_LIST] = { "--list", NULL, "the handles that the configurations of servers name (handle); the deployments (deploy)" },
    [OPT_MODE] = { "--mode", "MODE", "of the files, octal; 0644 if not given" },
    [OPT_MODULE] = { "--module", "PATH", "the provider module, if not OpenSSL's modules directory has it" },
    [OPT_MUST_STAPLE] = { "--must-staple", NULL, "ask for a certificate that is good with a stapled OCSP answer alone" },
    [OPT_NEXT] = { "--next", NULL, "the version that is the next to be activated" },
    [OPT_NOW] = { "--now", NULL, "destroy it at once, for good" },
    [OPT_NULL] = { "--null", NULL, "the paths of --from end with NUL, as find -print0 writes them" },
    [OPT_OP] = { "--op", "OPERATIONS", "what it is about: sign, decrypt, derive" },
    [OPT_OUT] = { "--out", "FILE", "write there instead of to standard output" },
    [OPT_OWNER] = { "--owner", "USER", "of the files, USER or USER:GROUP; who calls the command if not given" },
    [OPT_PASSPHRASE_FD] = { "--passphrase-fd", "N", "read the passphrase from this descriptor, not the terminal" },
    [OPT_PASSPHRASE_FILE] = { "--passphrase-file", "FILE", "read the passphrase from the first line of this file" },
    [OPT_PUBLIC] = { "--public", NULL, "print the public key as PEM" },
    [OPT_REASON] = { "--reason", "REASON", "why: key-compromise, superseded and so on" },
    [OPT_RECURSIVE] = { "--recursive", NULL, "all files with keys below these directories" },
    [OPT_RELOAD] = { "--reload", "LINE", "what a shell runs then, so that the server takes the new files; several times for several" },
    [OPT_RELOAD_ALWAYS] = { "--reload-always", NULL, "run that also where no file changed" },
    [OPT_ROOT] = { "--root", "DIR", "the files that are looked at are below DIR: an image, a container" },
    [OPT_SAN] = { "--san", "NAMES", "DNS names, addresses and others, with commas between them" },
    [OPT_SERVER] = { "--server", "SERVER", "look at the keys in the configuration of this server" },
    [OPT_SHOW] = { "--show", "FILE", "what the handle in this file names" },
    [OPT_SNI] = { "--sni", "NAME", "the name that the server is asked for; the first one in the certificate if not given" },
    [OPT_STDIN] = { "--stdin", NULL, "read the passphrase from the first line of standard input, not the terminal" },
    [OPT_SUBJECT] = { "--subject", "NAME", "the subject: /CN=www.example.org/O=Example" },
    [OPT_TOKEN] = { "--token", NULL, "what is on the token of the box" },
    [OPT_TYPE] = { "--type", "TYPE", "the type of the new key" },
    [OPT_USER] = { "--user", "USER", "a user, by name or number" },
    [OPT_YES] = { "--yes", NULL, "do not ask" },
};

int cli_option_next(const struct command *command, int option)
{
    const char *after = option < 0 ? "" : cli_options[option].name;
    int next = -1;

    for (int i = 0; i < OPT_COUNT; i++) {
        if ((command->options & (1ull << i)) != 0 && strcmp(cli_options[i].name, after) > 0 &&
            (next < 0 || strcmp(cli_options[i].name, cli_options[next].name) < 0))
            next = i;
    }
    return next;
}

const struct option_text cli_globals[] = {
    { "--box", "BOX", "the box, 'default' if not given" },
    { "--dir", "DIR", "a box that has all its files in DIR" },
    { "--system", NULL, "the system's box, also if you are not root" },
    { "--own", NULL, "your own box; else it is that if you have made one, and the system's if not" },
    { "--users", "USERS", "whose box it may be, beside root's and your own" },
    { "--json", NULL, "print JSON" },
    { "--help", NULL, "an overview, or more about the command" },
    { "-h", NULL, "the same" },
    { "--version", NULL, "the versions of littlebox, its protocol and OpenSSL" },
    { "-V", NULL, "the same" },
    { NULL, NULL, NULL },
};
