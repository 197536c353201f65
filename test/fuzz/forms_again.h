/* A second reader of the forms of texts, written from the standards and not from keystore/forms/: for the fuzz target to ask. */
#ifndef LB_FUZZ_FORMS_AGAIN_H
#define LB_FUZZ_FORMS_AGAIN_H

#include <stdbool.h>

#include "forms/forms.h"

/* Is the text of a form that this purpose is for, for this key? May say yes where form_of() says no, never the other way round. */
bool forms_again(struct bytes text, const struct form_key *key, unsigned purpose);

#endif
