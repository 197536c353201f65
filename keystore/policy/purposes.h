/* What a key is for, as its policy says and as a rule holds it to. */
#ifndef LB_POLICY_PURPOSES_H
#define LB_POLICY_PURPOSES_H

#include "base/errors.h"
#include "base/wire.h"
#include "policy/admission.h"

/* The tag of the policy's entry (policy/entry.h), and its size: a u16 of enum purpose, never PURPOSE_ANY. */
#define PURPOSES_TAG 5
#define PURPOSES_SIZE 2

bool purposes_value_ok(struct bytes value);
void purposes_value(unsigned purposes, uint8_t ret[PURPOSES_SIZE]);
/* What the entries of a policy say; PURPOSE_ANY: they say nothing of it. */
unsigned purposes_of(struct bytes entries);

/*
 * Is what the admission is about among the key's purposes? 0; LB_E_DENIED, with a text that says what was seen. A key with a
 * purpose signs texts, and no digests: what was hashed nobody can see. Any thread.
 */
LB_MUST_USE int purposes_refuse(const struct admission *a, struct problem *p);

#endif
