/* Objects on a token: found by id and label, and their attributes. */
#ifndef LB_TOKEN_OBJECT_H
#define LB_TOKEN_OBJECT_H

#include "token/settings.h"
#include "token/work.h"

#define P11_ID_MAX P11_VALUE_MAX
#define P11_LABEL_MAX P11_VALUE_MAX
/* Longest attribute that is read, in bytes: certificates. More is refused, whatever the module says. */
#define P11_ATTRIBUTE_MAX 65536

/* What an object is called. Bytes; nothing says that a label is a text. */
struct p11_name {
    uint8_t id[P11_ID_MAX], label[P11_LABEL_MAX];
    size_t id_len, label_len;
};

/* All of these run inside a work of p11_do(), and return CKR_*. */

/* Objects that fit the template, at most max of them. Are there fewer, *ret_count is all that there are. */
CK_RV p11_find(struct p11_session *s, CK_ATTRIBUTE *template, CK_ULONG n, CK_OBJECT_HANDLE *ret, CK_ULONG max,
               CK_ULONG *ret_count);
/* One attribute into size bytes. CKR_BUFFER_TOO_SMALL. */
CK_RV p11_attribute(struct p11_session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, void *ret, size_t size,
                    size_t *ret_len);
/* The same into new memory, for free(). NULL and CKR_OK: the object does not have the attribute. */
CK_RV p11_attribute_new(struct p11_session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, uint8_t **ret,
                        size_t *ret_len);
bool p11_flag(struct p11_session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type);
CK_RV p11_name_of(struct p11_session *s, CK_OBJECT_HANDLE h, struct p11_name *ret);
/* "'web' id %01%02", for messages; cut off to fit. */
void p11_name_text(const struct p11_name *n, char *ret, size_t size);

#endif
