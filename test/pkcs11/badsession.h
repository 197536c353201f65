/* The state of the hostile module: its sessions and logins, and what its functions share. */
#ifndef BADSESSION_H
#define BADSESSION_H

#include <pthread.h>

#include "badcontrol.h"
#include "badtoken.h"

#define BAD_SLOT 7
#define BAD_SESSIONS_MAX 1024
#define BAD_PIN_TRIES 3
#define BAD_FOUND_MAX (4 * BAD_KEYS_MAX)
/* Numbers of objects from here on are certificates. */
#define BAD_CERTS_FROM 0x2000
/* In a handle: of the copy of that key. */
#define BAD_COPY 0x8000
/* CKF_MESSAGE_SIGN of PKCS#11 3.0. */
#define BAD_MESSAGE_SIGN 0x8UL

enum bad_use { BAD_SIGN, BAD_DECRYPT, BAD_MESSAGE, BAD_USES };

struct bad_operation {
    bool active, needs_login, by_copy;
    unsigned key;
    CK_MECHANISM mechanism;
    union {
        CK_RSA_PKCS_PSS_PARAMS pss;
        CK_RSA_PKCS_OAEP_PARAMS oaep;
    } parameter;
    uint8_t oaep_label[256];
};

struct bad_session {
    bool open, dead;
    unsigned long generation;
    CK_FLAGS flags;
    bool finding;
    CK_OBJECT_HANDLE found[BAD_FOUND_MAX];
    size_t found_count, found_next;
    struct bad_operation operations[BAD_USES];
};

struct bad_module {
    pthread_mutex_t lock;
    bool initialized, logged_in;
    unsigned long login_generation, login_state;
    unsigned long salt; /* part of object handles */
    struct bad_session sessions[BAD_SESSIONS_MAX];
};
extern struct bad_module bad_module;


/* Logs the call, finds the rule, and does what is common to all. */
CK_RV bad_enter(const char *function, struct bad_rule *rule);
/* The same for a function that has no action of its own, once the module is initialized. */
CK_RV bad_enter_plain(const char *function);

/* badmodule.c: C_SignInit and the like; and a copy of the operation, which ends with it unless it is to be kept. */
CK_RV bad_begin(CK_SESSION_HANDLE h, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE object, enum bad_use use);
CK_RV bad_take(CK_SESSION_HANDLE h, enum bad_use use, bool keep, struct bad_operation *ret);
/* Signs with it, and does the actions of C_Sign. */
CK_RV bad_sign(struct bad_operation *op, const struct bad_rule *rule, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
               CK_ULONG *len);
/* badmessage.c; badlist.c has the functions of 2.40 */
extern CK_FUNCTION_LIST bad_list;

/* Wrong PINs since the last right one. */
size_t bad_wrong_pins(void);
/* The token is out of its slot. */
bool bad_removed(void);

/* All of these with bad_module.lock. */
CK_RV bad_find_session(CK_SESSION_HANDLE h, struct bad_session **ret);
bool bad_may_see_private(void);
CK_OBJECT_HANDLE bad_handle_of(unsigned key, bool private_half);
CK_RV bad_resolve(CK_OBJECT_HANDLE h, unsigned *key, bool *private_half);

/* badcopy.c. A key has one copy at most, which outlives its file. */
bool bad_copy_there(unsigned key);
/* What is other than the key's; false: nothing. */
bool bad_copy_attribute(unsigned key, CK_ATTRIBUTE_TYPE type, uint8_t *value);
/* What C_SignInit and C_Sign say to it, or CKR_OK. */
CK_RV bad_copy_fails(unsigned key, bool init);
void bad_copy_destroy(unsigned key);

#endif
