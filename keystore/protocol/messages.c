/* What both ends have to agree on for each message: one row a request. */
#include "protocol/messages.h"

#include "protocol/header.h"

static const struct msg_kind kinds[] = {
    /* type                 name                        admin  change secret s.ans. repeat fd     slow   asks, answer */
    { MSG_SIGN,             "sign",                     false, false, false, false, true,  true,  false, BODY_SIGN, BODY_BYTES },
    { MSG_DECRYPT,          "decrypt",                  false, false, false, true,  true,  false, false, BODY_DECRYPT, BODY_BYTES },
    { MSG_DERIVE,           "derive",                   false, false, false, true,  true,  false, false, BODY_DERIVE, BODY_BYTES },
    { MSG_GET,              "get",                      false, false, false, false, true,  false, false, BODY_KEY_REF, BODY_KEY },
    { MSG_LIST,             "list",                     false, false, false, false, true,  false, false, BODY_LIST, BODY_KEYS },
    { MSG_SHOW,             "show",                     true,  false, false, false, true,  false, false, BODY_NAME, BODY_SHOW },
    { MSG_STATUS,           "status",                   false, false, false, false, true,  false, false, BODY_EMPTY, BODY_STATUS },
    { MSG_CERT_GET,         "get certificates",         false, false, false, false, true,  false, true,  BODY_KEY_REF, BODY_CHAIN },
    { MSG_FIND,             "find",                     false, false, false, false, true,  false, true,  BODY_FIND, BODY_FOUND },
    { MSG_CERT_FIND,        "find certificates",        false, false, false, false, true,  false, true,  BODY_FIND, BODY_CHAIN },
    { MSG_EXPIRING,         "list what ends",           false, false, false, false, true,  false, false, BODY_EXPIRING_ASK, BODY_EXPIRING },
    { MSG_LIVES,            "lives",                    true,  false, false, false, true,  false, false, BODY_NAME, BODY_LIVES },
    { MSG_PURPOSES,         "list purposes",            false, false, false, false, true,  false, false, BODY_LIST, BODY_PURPOSES },
    { MSG_USERS,            "users",                    true,  false, false, false, true,  false, false, BODY_NAME, BODY_USERS },
    { MSG_TOKEN,            "token",                    false, false, false, false, true,  false, false, BODY_EMPTY, BODY_TOKEN },
    { MSG_TOKEN_LIST,       "token list",               true,  false, false, false, true,  false, true,  BODY_TOKEN_LIST, BODY_TOKEN_KEYS },
    { MSG_OPENING,          "ask what opens the store", true,  false, true,  false, true,  false, false, BODY_OPENING_ASK, BODY_OPENING },
    { MSG_LOCK_CAUSE,       "ask why it is locked",     false, false, false, false, true,  false, false, BODY_EMPTY, BODY_LOCK_CAUSE },
    { MSG_CREATE,           "create",                   true,  true,  false, false, false, false, true,  BODY_CREATE, BODY_KEY },
    { MSG_IMPORT,           "import",                   true,  true,  true,  false, false, false, true,  BODY_IMPORT, BODY_KEY },
    { MSG_ATTACH,           "attach",                   true,  true,  false, false, false, false, true,  BODY_ATTACH, BODY_KEY },
    { MSG_ROLL,             "roll",                     true,  true,  false, false, true,  false, true,  BODY_ROLL, BODY_KEY },
    { MSG_ACTIVATE,         "activate",                 true,  true,  false, false, false, false, false, BODY_ACTIVATE, BODY_LIFE },
    { MSG_BACK,             "roll back",                true,  true,  false, false, false, false, false, BODY_BACK, BODY_LIFE },
    { MSG_STATE,            "change the state",         true,  true,  false, false, true,  false, false, BODY_STATE, BODY_LIFE },
    { MSG_DESTROY,          "destroy",                  true,  true,  false, false, false, false, true,  BODY_DESTROY, BODY_EMPTY },
    { MSG_DESTROY_SCHEDULE, "schedule destruction",     true,  true,  false, false, false, false, false, BODY_DESTROY, BODY_TIME },
    { MSG_DESTROY_CANCEL,   "cancel destruction",       true,  true,  false, false, false, false, false, BODY_DESTROY, BODY_EMPTY },
    { MSG_RENAME,           "rename",                   true,  true,  false, false, false, false, false, BODY_RENAME, BODY_EMPTY },
    { MSG_HANDLE_NOTE,      "note a handle",            true,  true,  false, false, true,  false, false, BODY_HANDLE_NOTE, BODY_EMPTY },
    { MSG_HANDLE_LIST,      "list handles",             true,  true,  false, false, true,  false, false, BODY_NAME, BODY_HANDLES },
    { MSG_PURPOSE,          "purpose",                  true,  true,  false, false, true,  false, false, BODY_PURPOSE, BODY_EMPTY },
    { MSG_ALLOW,            "allow",                    true,  true,  false, false, false, false, false, BODY_GRANT, BODY_EMPTY },
    { MSG_DENY,             "deny",                     true,  true,  false, false, false, false, false, BODY_GRANT, BODY_EMPTY },
    { MSG_CERT_SET,         "set certificates",         true,  true,  false, false, false, false, false, BODY_CERT_SET, BODY_EMPTY },
    { MSG_INIT,             "init",                     true,  true,  true,  false, false, false, true,  BODY_SECRET, BODY_EMPTY },
    { MSG_SEAL_LIST,        "seal list",                true,  true,  false, false, true,  false, false, BODY_EMPTY, BODY_SEALS },
    { MSG_SEAL_ADD,         "seal add",                 true,  true,  true,  false, false, false, true,  BODY_SECRET, BODY_EMPTY },
    { MSG_SEAL_REMOVE,      "seal remove",              true,  true,  false, false, false, false, false, BODY_SEAL_REMOVE, BODY_EMPTY },
    { MSG_LOCK,             "lock",                     true,  true,  false, false, true,  false, false, BODY_EMPTY, BODY_EMPTY },
    { MSG_UNLOCK,           "unlock",                   true,  true,  true,  false, true,  false, true,  BODY_SECRET, BODY_EMPTY },
    { MSG_LOGIN,            "login",                    true,  true,  true,  false, false, false, true,  BODY_LOGIN, BODY_EMPTY },
};

const struct msg_kind *msg_kind(uint16_t type)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].type == type)
            return &kinds[i];
    }
    return NULL;
}

const struct msg_kind *msg_kinds(size_t *ret_count)
{
    *ret_count = sizeof(kinds) / sizeof(kinds[0]);
    return kinds;
}
