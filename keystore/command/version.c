/* littlebox version. */
#include <openssl/crypto.h>
#include <stdio.h>

#include "command/cli.h"
#include "command/table.h"
#include "protocol/header.h"

int cmd_version(struct cli *c)
{
    struct json j;

    if (!c->json) {
        printf("littlebox %s (protocol %d)\n%s\n", LB_VERSION, LB_PROTOCOL_VERSION, OpenSSL_version(OPENSSL_VERSION));
        return EXIT_DONE;
    }
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "littlebox", LB_VERSION);
    json_number(&j, "protocol", LB_PROTOCOL_VERSION);
    json_string(&j, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
    json_close(&j, '}');
    json_end(&j);
    return EXIT_DONE;
}
