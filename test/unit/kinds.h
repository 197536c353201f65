/*
 * The kinds of seals of the program test_kinds: one of the product's, and two that answer what none of the product's does.
 * Those two keep the store key as it is: nothing here is for a box.
 */
#ifndef UNIT_KINDS_H
#define UNIT_KINDS_H

#include "seals/seal.h"

enum {
    /*
     * Shares, k of n: such a seal is made with a digit and then a letter for each share ("2abc"). Some of the letters are
     * tried ("ca").
     */
    SEAL_SHARE = 3,
    /* SEAL_FROM_PLACE: a file, which opens the seal while "key" is in it. */
    SEAL_DRAWER = 4
};

/* How often a drawer was looked into. */
extern unsigned kinds_drawers_opened;

extern const struct seal_ops seal_share, seal_drawer;

#endif
