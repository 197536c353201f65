/* littlebox openssl: the provider for all programs of a system, or for none. */
#include "activation/openssl.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    int (*run)(const struct cli *c, struct look *l, struct problem *p);
    bool changes;
} words[] = {
    { "status", openssl_status, false },
    { "enable", openssl_enable, true },
    { "disable", openssl_disable, true },
};

static int check_options(const struct cli *c, size_t word)
{
    if (!words[word].changes && (c->options[OPT_DRY_RUN] != NULL || c->options[OPT_YES] != NULL))
        return cli_usage_error(c, "'openssl status' changes nothing: --dry-run and --yes are for 'enable' and 'disable'");
    if (words[word].run != openssl_enable && c->options[OPT_MODULE] != NULL)
        return cli_usage_error(c, "--module is for 'openssl enable'");
    return 0;
}

int cmd_openssl(struct cli *c)
{
    struct problem p = { 0 };
    struct look *look;
    size_t word = 0;
    int status;

    while (word < sizeof(words) / sizeof(words[0]) && strcmp(words[word].word, c->args[0]) != 0)
        word++;
    if (word == sizeof(words) / sizeof(words[0]))
        return cli_usage_error(c, "unknown 'openssl %s': there are status, enable and disable", c->args[0]);
    status = check_options(c, word);
    if (status != 0)
        return status;
    look = calloc(1, sizeof(*look));
    if (look == NULL) {
        problem_set(&p, LB_E_NOMEM, "out of memory");
        return cli_fail(&p);
    }
    /* This process only looks. What a configuration does happens in processes of their own. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    /* What the caller's shell has of these, services have not. */
    if (words[word].changes) {
        unsetenv("OPENSSL_MODULES");
        unsetenv("OPENSSL_CONF_INCLUDE");
    }
    status = look_read(c, look, &p) == 0 ? words[word].run(c, look, &p) : EXIT_FAILED;
    look_clear(look);
    free(look);
    return p.code == 0 ? status : cli_fail(&p);
}
