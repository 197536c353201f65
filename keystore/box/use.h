/* The one way to use a private key: decode, find, admit, open, run, count, record, answer. */
#ifndef LB_BOX_USE_H
#define LB_BOX_USE_H

/* What it can be used for; the uses of a box are counted by these (box/box.h). */
enum use { USE_SIGN, USE_DECRYPT, USE_DERIVE, USE_COUNT };

#endif
