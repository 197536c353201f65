/* The table of subcommands. */
#include "command/cli.h"

#include <stdio.h>
#include <string.h>

#include "doctor/servers/servers.h"
#include "model/key_types.h"

static void name_key_types(FILE *out)
{
    char list[KEYTYPE_LIST_MAX];

    fprintf(out, "  %s\nand " KEYTYPE_DEFAULT " if not given.\n", keytype_list(list));
}

static void name_servers(FILE *out)
{
    char able[SERVER_LIST_SIZE], unable[SERVER_LIST_SIZE];

    fprintf(out, "  %s;\nor of those that can use no handle:\n  %s.\n", server_list(/* unable= */ false, able),
            server_list(/* unable= */ true, unable));
}

#define KEY_VERSION "KEY[;version=N]"
#define PURPOSE_WORDS "tls-server, tls-client, csr, x509, crl, ocsp, cms, timestamp, ssh"

/* "--passphrase | --credential FILE" */
#define SEAL_USAGE(number, NAME, name, source, unattended, guessable, least_new, least_tried, option, help) \
    option SEAL_USAGE_##source
#define SEAL_USAGES SEAL_KINDS(SEAL_USAGE, " | ")
#define SEAL_BIT(number, NAME, ...) OPT_BIT(NAME)
#define SEAL_BITS (SEAL_KINDS(SEAL_BIT, |))
/*
 * The options of 'unlock' are those that give a secret in another way than by typing: it asks for what somebody types
 * without being told.
 */
#define UNLOCK_USAGE_PROMPT(option) "--stdin"
#define UNLOCK_USAGE_FILE(option) option SEAL_USAGE_FILE
#define UNLOCK_USAGE_PLACE(option) option SEAL_USAGE_PLACE
#define UNLOCK_BITS_PROMPT(NAME) OPT_BITS_PASSPHRASE
#define UNLOCK_BITS_FILE(NAME) OPT_BIT(NAME)
#define UNLOCK_BITS_PLACE(NAME) OPT_BIT(NAME)
#define SEAL_UNLOCK_USAGE(number, NAME, name, source, unattended, guessable, least_new, least_tried, option, help) \
    UNLOCK_USAGE_##source(option)
#define SEAL_UNLOCK_USAGES SEAL_KINDS(SEAL_UNLOCK_USAGE, " | ")
#define SEAL_UNLOCK_BIT(number, NAME, name, source, ...) UNLOCK_BITS_##source(NAME)
#define SEAL_UNLOCK_BITS (SEAL_KINDS(SEAL_UNLOCK_BIT, |))

const struct command commands[] = {
    { "init", "[" SEAL_USAGES "] [--label TEXT]", "make the store of a box that has none",
      "The store is sealed with a new credential file, CONFIG/BOX.credential, so that the box opens itself when it\n"
      "starts; with --passphrase it starts locked until 'littlebox unlock'. An absent FILE is made.\n",
      SEAL_BITS | OPT_BITS_PASSPHRASE | OPT_BIT(LABEL), 0, 0, true, cmd_init,
      .example = "littlebox init --passphrase" },
    { "create", "KEY [--type TYPE] [--for PURPOSES]", "make a new key in the box",
      "Prints the handle's URI. TYPE is one of\n",
      OPT_BIT(TYPE) | OPT_BIT(FOR), 1, 1, true, cmd_create, .more_names = name_key_types,
      .example = "littlebox create web --type ed25519", .synonyms = "new add generate genkey genpkey keygen",
      .makes_key = true, .new_key = true, .forgotten = "--type" },
    { "import", "KEY FILE [--stdin | --passphrase-file FILE | --passphrase-fd N] [--for PURPOSES] | [--each | --recursive] FILE... | "
                "--from FILE [--null]", "copy a private key from a file into the box",
      "FILE is PEM, DER (PKCS#8 or traditional, encrypted or not) or PKCS#12. It stays as it is; see 'adopt'.\n"
      "Many files are imported at once, each under the name that 'adopt' would give it. What the box has already is passed\n"
      "over, so the same line again goes on where it ended.\n",
      OPT_BITS_PASSPHRASE | OPT_BIT(EACH) | OPT_BIT(FOR) | OPT_BIT(FROM) | OPT_BIT(NULL) | OPT_BIT(RECURSIVE), 0, CLI_ARGS_ANY, true, cmd_import,
      .example = "littlebox import web /etc/ssl/private/web.key", .synonyms = "copy", .makes_key = true,
      .new_key = true },
    { "adopt", "FILE [--key KEY] [--allow USER] [--for PURPOSES] [--escrow FILE] [--stdin] [--force] [--dry-run] [--yes] | "
               "[--recursive] FILE... | --from FILE [--null] | "
               "--server SERVER [--config FILE] [--allow USER] [--dry-run] [--yes]",
      "move a private key into the box and leave its handle in the file",
      "The key is imported under the name of the file (web.key becomes 'web'; b.example/privkey.pem 'b.example'), used\n"
      "once as a proof, and then the file is replaced by its handle: certificates in it, owner and mode stay. The old\n"
      "content is overwritten. That cannot be undone: no command gives a key out of a box again. On a terminal it asks.\n"
      "--escrow makes a copy first, sealed to a passphrase, and proves that it opens: keep it where the box is not.\n"
      "A file that a program's configuration names which can use no handle is refused, but for --force.\n"
      "Many files are adopted at once, and what is left out is told with the reason. What is a handle already is passed\n"
      "over, so the same line again goes on where it ended. With --recursive those below a directory that hold a key.\n"
      "With --server every plain key that the server's configuration names is adopted, after a look at the list.\n",
      OPT_BIT(KEY) | OPT_BIT(ALLOW) | OPT_BIT(FOR) | OPT_BIT(ESCROW) | OPT_BIT(ESCROW_PASSPHRASE_FILE) | OPT_BIT(DRY_RUN) | OPT_BIT(YES) |
          OPT_BIT(FORCE) | OPT_BIT(SERVER) | OPT_BIT(CONFIG) | OPT_BIT(FROM) | OPT_BIT(NULL) | OPT_BIT(RECURSIVE) |
          OPT_BITS_PASSPHRASE,
      0, CLI_ARGS_ANY, true, cmd_adopt,
      .example = "littlebox adopt /etc/ssl/private/web.key", .synonyms = "migrate move", .makes_key = true,
      .forgotten = "--key" },
    { "attach", "KEY [--id HEX] [--label TEXT] [--for PURPOSES]", "take a key that is on the token already into the box",
      "For boxes with 'backend = pkcs11'. The key is found by its id, by its label, or by both; without either, by the\n"
      "label KEY. 'list --token' shows what there is. Nothing on the token is changed.\n",
      OPT_BIT(ID) | OPT_BIT(LABEL) | OPT_BIT(FOR), 1, 1, false, cmd_attach,
      .example = "littlebox --box hsm1 attach web --id 01", .makes_key = true, .new_key = true },
    { "box", "create NAME | list", "the system's boxes: make one with a user of its own, list them",
      "'create' makes the system user littlebox-NAME, unless it is there, and the box's directory, which is that user's\n"
      "alone. Store and credential of a box that ran as another user until now are given to it. 'list' shows the boxes,\n"
      "the user of each, and if its store is open, that is if it runs.\n",
      0, 1, 2, false, cmd_box,
      .example = "littlebox box create payments", .no_box = true },
    { "boxes", "", "the boxes of the system and your own: where, whose, and in which state",
      "The state is what each box answers: unlocked, locked, no store; or that it does not run. ASKED says whether it is\n"
      "the box that your programs get where openssl.cnf names no other place.\n",
      0, 0, 0, false, cmd_boxes,
      .example = "littlebox boxes", .no_box = true },
    { "handle", KEY_VERSION " [--out FILE] [--force] | --show FILE | --list", "print or write the handle file of a key, or look at one",
      "A handle file stands where a program wants a private key file. It holds no secret. It looks like any PEM file of a\n"
      "private key: --show tells which key and box it names, or what the file is if it is no handle.\n"
      "--list tells which handles the configurations of servers here name, whatever box they are of.\n",
      OPT_BIT(OUT) | OPT_BIT(FORCE) | OPT_BIT(SHOW) | OPT_BIT(LIST), 0, 1, false, cmd_handle,
      .example = "littlebox handle web --out web.pem", .forgotten = "--out" },
    { "cert", "set " KEY_VERSION " FILE | get " KEY_VERSION " [--out FILE] [--force] | remove " KEY_VERSION,
      "the certificates that go with a key: set, get, remove",
      "FILE is PEM: the certificate of the key, and those of its issuers, in any order; '-' is standard input. Whoever\n"
      "loads the key through OpenSSL's store finds them beside it. 'get' prints PEM, the key's certificate first.\n",
      OPT_BIT(OUT) | OPT_BIT(FORCE), 2, 3, true, cmd_cert,
      .example = "littlebox cert set web fullchain.pem", .synonyms = "certificate" },
    { "csr", KEY_VERSION " [--next] [--subject NAME] [--san NAMES] [--like FILE] [--must-staple] [--out FILE] [--force]",
      "a certificate request that the key signs",
      "It is PKCS#10, in PEM. Where neither --subject nor --san nor --like says whom it is for, it asks for what the key's\n"
      "certificate in the box has, so that the same line is good for each renewal. NAMES are DNS:www.example.org,\n"
      "IP:192.0.2.1, email: or URI:, with commas between them. With --next the version that is to be activated signs, which\n"
      "can do nothing else before.\n",
      OPT_BIT(NEXT) | OPT_BIT(SUBJECT) | OPT_BIT(SAN) | OPT_BIT(LIKE) | OPT_BIT(MUST_STAPLE) | OPT_BIT(OUT) | OPT_BIT(FORCE),
      1, 1, true, cmd_csr,
      .example = "littlebox csr web --san DNS:www.example.org,DNS:example.org --out web.csr", .synonyms = "request req",
      .forgotten = "--out" },
    { "list", "[PATTERN] [--all] | --token | [PATTERN] --expiring TIME", "the keys of the box",
      "PATTERN is a name with *, ? and [...] as in a shell: quote it. Administrators of the box see who may use each key.\n"
      "Keys that are destroyed, or to be destroyed, are shown with --all. With --token: the private keys on the box's token, attached or not.\n"
      "With --expiring: certificates that end within that time, and versions that are deactivated or destroyed.\n",
      OPT_BIT(ALL) | OPT_BIT(EXPIRING) | OPT_BIT(TOKEN), 0, 1, false, cmd_list,
      .example = "littlebox list 'www.*'", .synonyms = "ls keys" },
    { "show", KEY_VERSION " [--public]", "versions of a key, who may use it, its public half",
      "With --public the public key alone, as PEM.\n", OPT_BIT(PUBLIC), 1, 1, false, cmd_show,
      .example = "littlebox show web --public", .synonyms = "info" },
    { "roll", "KEY [--type TYPE] | KEY --back [--drain TIME] [--force]", "make the next version of a key, or go back to the one before",
      "The next version signs nothing but its own certificate request, until 'activate' makes it the current one. If there is a\n"
      "next version already, it is told again. The hash is what a TLSA record says of it: publish it before 'activate'.\n"
      "--back makes the version before the current one again, as long as it drains; or takes 'activate --at' back.\n"
      "It is refused if the certificate of that version has ended.\n",
      OPT_BIT(TYPE) | OPT_BIT(BACK) | OPT_BIT(DRAIN) | OPT_BIT(FORCE), 1, 1, false, cmd_roll,
      .example = "littlebox roll web", .synonyms = "rollover rotate rekey renew" },
    { "activate", KEY_VERSION " [--chain FILE] [--at TIME] [--drain TIME] [--force]", "make the next version of a key the current one",
      "FILE has the certificate of the next version and those of its issuers. It is refused if it is of another key, not valid,\n"
      "or lacks a name that the current certificate has. In one step the next version becomes the current one, with these\n"
      "certificates. The version before goes on for those who have loaded it, for the time of --drain, and then signs no more.\n"
      "Repeating it does no harm; 'roll --back' takes it back. Exit status 4: it is so, and a deployment failed ('deploy KEY' does\n"
      "it again); 5: the certificates are refused for good.\n",
      OPT_BIT(CHAIN) | OPT_BIT(AT) | OPT_BIT(DRAIN) | OPT_BIT(FORCE), 1, 1, true, cmd_activate,
      .example = "littlebox activate web --chain fullchain.pem" },
    { "users", "KEY", "which processes used which version of a key, and when last",
      "As far as the box remembers, since it was started. THERE says whether the process still runs.\n", 0, 1, 1, false, cmd_users,
      .example = "littlebox users web" },
    { "suspend", KEY_VERSION " [--reason REASON]", "let a version do nothing for a while",
      "It is the current version that is meant, if none is named. 'resume' ends it.\n", OPT_BIT(REASON), 1, 1, false, cmd_suspend,
      .example = "littlebox suspend web", .synonyms = "pause disable" },
    { "resume", KEY_VERSION " [--reason REASON]", "end what 'suspend' began", NULL, OPT_BIT(REASON), 1, 1, false, cmd_resume,
      .example = "littlebox resume web", .synonyms = "unsuspend enable" },
    { "deactivate", KEY_VERSION " [--reason REASON]", "let a version sign nothing any more, for good",
      "It decrypts what was sent to it. It cannot be activated again.\n", OPT_BIT(REASON), 1, 1, false, cmd_deactivate,
      .example = "littlebox deactivate 'web;version=1' --reason superseded", .destroys = true },
    { "compromise", KEY_VERSION " [--reason REASON]", "note that others may have a version: it does nothing any more, for good",
      "Have its certificate revoked by the CA too.\n", OPT_BIT(REASON), 1, 1, false, cmd_compromise,
      .example = "littlebox compromise 'web;version=1' --reason key-compromise", .destroys = true },
    { "purpose", "KEY PURPOSES", "say what a key is for: what else it is asked to sign, the box refuses",
      "PURPOSES are " PURPOSE_WORDS ", with commas\n"
      "between them, or 'any': then the box does not look at what is signed, as before anybody said what a key is for. A key\n"
      "with a purpose signs texts that the box can read, and no digests. It counts at once, for all versions of the key.\n",
      0, 2, 2, true, cmd_purpose,
      .example = "littlebox purpose web tls-server,csr" },
    { "rename", "KEY NEW", "give a key another name",
      "Handles and URIs with the old name go on, and no other key of the box can get that name.\n", 0, 2, 2, false,
      cmd_rename,
      .example = "littlebox rename web shop" },
    { "destroy", KEY_VERSION " [--now] [--yes] | " KEY_VERSION " --cancel", "destroy a key, or one version of it",
      "It says who may use the key, when it was used last, and which handles of it are known, and asks. From then on the\n"
      "key does nothing; after 7 days ('destroy-after' in BOX.conf) the box destroys it for good. Until then --cancel gives\n"
      "it back. With --now it is destroyed at once, which is asked twice; keys on a token can be destroyed in no other way.\n",
      OPT_BIT(NOW) | OPT_BIT(CANCEL) | OPT_BIT(YES), 1, 1, false, cmd_destroy,
      .example = "littlebox destroy 'old;version=1'", .destroys = true },
    { "allow", "KEY --user USER | --group GROUP [--op OPERATIONS]", "let a user or a group use a key",
      "USER and GROUP are names or numbers. The box asks the kernel who its caller is. OPERATIONS are sign (if\n"
      "nothing is said), decrypt and derive, with commas between them.\n",
      OPT_BIT(USER) | OPT_BIT(GROUP) | OPT_BIT(OP), 1, 1, false, cmd_allow,
      .example = "littlebox allow web --user www-data", .synonyms = "grant", .forgotten = "--user" },
    { "deny", "KEY --user USER | --group GROUP [--op OPERATIONS]", "take back what was allowed", NULL,
      OPT_BIT(USER) | OPT_BIT(GROUP) | OPT_BIT(OP), 1, 1, false, cmd_deny,
      .example = "littlebox deny web --user www-data --op decrypt", .synonyms = "revoke", .forgotten = "--user" },
    { "deploy", "KEY [--handle FILE] [--chain FILE] [--combined FILE] [--owner USER] [--mode MODE] [--reload LINE] "
                "[--check ADDRESS] [--sni NAME] | KEY | --all [--reload-always] | KEY --forget FILE | --list",
      "put a key's handle and chain where a server reads them, now and with each new version",
      "With --handle or --combined the deployment is remembered, in CONFIG/deploy/BOX, and done: the files are written and take\n"
      "their places, then the lines of --reload run, then the server at ADDRESS is asked which key it serves. 'deploy KEY' and\n"
      "'deploy --all' do it again, as a roll-over does; where all is as it should be, nothing is written and nothing runs. Exit status 4: one is yet to be done.\n"
      "PROTOCOL, for what begins in the clear, is one of ftp, imap, ldap, lmtp, mysql, pop3, postgres, sieve and smtp.\n",
      OPT_BIT(HANDLE) | OPT_BIT(CHAIN) | OPT_BIT(COMBINED) | OPT_BIT(OWNER) | OPT_BIT(MODE) | OPT_BIT(RELOAD) | OPT_BIT(CHECK) |
          OPT_BIT(SNI) | OPT_BIT(ALL) | OPT_BIT(RELOAD_ALWAYS) | OPT_BIT(FORGET) | OPT_BIT(LIST),
      0, 1, false, cmd_deploy,
      .example = "littlebox deploy --list", .synonyms = "install hook", .repeats = OPT_BIT(RELOAD) },
    { "seal", "list | add [" SEAL_USAGES "] [--label TEXT] | remove ID [--yes]",
      "the ways to open the store: list, add, remove",
      "'add' asks for a new passphrase, or takes a credential file, which it makes if it is absent. 'list' says which seal\n"
      "the box is open by, and which one its next start uses. 'remove' asks before it takes away the last one that opens\n"
      "the store without a person.\n",
      OPT_BIT(YES) | SEAL_BITS | OPT_BITS_PASSPHRASE | OPT_BIT(LABEL), 1, 2, true, cmd_seal,
      .example = "littlebox seal add --passphrase --label 'in the safe'" },
    { "lock", "", "forget the clear keys until 'unlock'", NULL, 0, 0, 0, false, cmd_lock,
      .example = "littlebox lock", .synonyms = "close" },
    { "unlock", "[" SEAL_UNLOCK_USAGES "]", "open the store with a passphrase or a credential file",
      "Without a terminal to ask on, and without these options, with the file that the box reads at its start. --stdin\n"
      "takes a passphrase from a pipe, '--credential -' a credential.\n",
      SEAL_UNLOCK_BITS, 0, 0, true, cmd_unlock,
      .example = "littlebox unlock", .synonyms = "open", .needless = "--passphrase",
      .needless_cure = "it asks for the passphrase by itself: littlebox unlock" },
    { "login", "", "give the token its PIN", "For boxes with 'backend = pkcs11'. A PIN that was refused is never tried again without this.\n",
      OPT_BITS_PASSPHRASE, 0, 0, true, cmd_login,
      .example = "littlebox --box hsm1 login", .needless = "--passphrase",
      .needless_cure = "it asks for the PIN by itself: littlebox login" },
    { "status", "", "what the box is doing; exit status 3 if it cannot sign now", NULL, 0, 0, 0, false, cmd_status,
      .example = "littlebox status" },
    { "doctor", "[--handle URI|FILE [--user USER]] [--server SERVER [--config FILE]] [--root DIR] [--module PATH] | "
                "--system [--root DIR] [--module PATH]",
      "find out why it does not work",
      "Looks at openssl.cnf, the provider module, the socket and the box, in the way of a server that runs as the\n"
      "calling user, and prints what to add to openssl.cnf. With --handle it makes a test signature; as root, also as the\n"
      "users of those servers whose configuration names the handle, or as USER.\n"
      "With --server it reads a server's configuration, and says of each key file in it: a plain key, or a handle, and\n"
      "if it works for the user that the server's workers run as.\n"
      "With --system it looks at what somebody would who examines this machine: swap, core files, permissions of what programs\n"
      "load, and of each of the system's boxes its unit, memory, store and credential. SERVER is one of\n",
      OPT_BIT(HANDLE) | OPT_BIT(USER) | OPT_BIT(MODULE) | OPT_BIT(SERVER) | OPT_BIT(CONFIG) | OPT_BIT(ROOT), 0, 0, false, cmd_doctor,
      .more_names = name_servers, .example = "littlebox doctor --server nginx", .synonyms = "check diagnose" },
    { "openssl", "status [--file FILE] | enable [--module PATH] [--file FILE] [--dry-run] [--yes] | "
                 "disable [--file FILE] [--dry-run] [--yes]",
      "the provider for all programs that use OpenSSL here: is it activated, activate it, or no more",
      "'status' tells which openssl.cnf programs read, whether it activates the provider and by whose lines, and whether\n"
      "OpenSSL starts with it; its exit status is 0 if so. 'enable' adds one .include line, and writes the file that it names\n"
      "beside openssl.cnf; with --users and --dir, that file says whose boxes the provider accepts, and where they are.\n"
      "'disable' takes exactly that out again. Both show the difference and ask first, and try what they write before it\n"
      "counts: with a configuration that OpenSSL does not start with, nothing is changed.\n",
      OPT_BIT(MODULE) | OPT_BIT(FILE) | OPT_BIT(DRY_RUN) | OPT_BIT(YES), 1, 1, false, cmd_openssl,
      .example = "littlebox openssl status", .synonyms = "activate enable disable provider", .no_box = true },
    { "complete", "-- [WORD ...]", "what may stand at the end of a command line, for shells",
      "WORDs are the line without 'littlebox'; the last one is under the cursor, and may be empty. Of each line printed, what\n"
      "is before a tab is a word, and what is behind it says what it is. \":files\", \":directories\", \":users\" and\n"
      "\":groups\" stand for these.\n",
      0, 0, 0, false, cmd_complete,
      .example = "littlebox complete -- create web --ty", .no_box = true, .others_line = true },
    { "help", "[COMMAND]", "this overview, or more about one command", NULL, 0, 0, 1, false, cmd_help,
      .example = "littlebox help create", .no_box = true },
    { "version", "", "the versions of littlebox, its protocol and OpenSSL", NULL, 0, 0, 0, false, cmd_version,
      .example = "littlebox --json version", .no_box = true },
    { .name = NULL },
};

const struct command *command_find(const char *name)
{
    for (const struct command *k = commands; k->name != NULL; k++) {
        if (strcmp(k->name, name) == 0)
            return k;
    }
    return NULL;
}
