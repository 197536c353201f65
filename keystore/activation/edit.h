/* The lines by which openssl.cnf gets the provider, put in and taken out again. Texts in, texts out. */
#ifndef LB_ACTIVATION_EDIT_H
#define LB_ACTIVATION_EDIT_H

#include <stdbool.h>

#include "doctor/config.h"

/*
 * openssl.cnf gets two lines at its end, a comment and
 *
 *     .include DIRECTORY/openssl-littlebox.cnf
 *
 * and all that they bring is in that file of our own, the drop-in. OpenSSL goes on with a section that it has seen, and the
 * last value of a name counts, so that nothing else in openssl.cnf has to change. It passes over a file to include that is not
 * there: what forgets the drop-in does not stop a program. Texts that are returned are malloc()ed; NULL: out of memory.
 */

/* Is the line there that includes the drop-in? */
bool edit_is_in(const char *text, const char *drop_in);
/* Text with both lines. It has neither. */
char *edit_put_in(const char *text, const char *drop_in);
/*
 * Text without them, wherever they stand. before: the text as edit_put_in() got it, NULL: not known. Text that nobody else has
 * changed since becomes the same bytes again.
 */
char *edit_take_out(const char *text, const char *drop_in, const char *before);
/* Text with another file in the place of the drop-in. */
char *edit_redirect(const char *text, const char *drop_in, const char *instead);

/* What the drop-in says of the provider, beside that it is activated. "": nothing. */
struct edit_settings {
    char module[PATH_MAX];
    char directory[PATH_MAX];
    char users[DOCTOR_USERS_MAX];
};

/*
 * The drop-in for an openssl.cnf that says conf without it. It activates the provider 'default' too, also where conf does
 * already: one that is activated by name keeps OpenSSL from activating that by itself. alone: there is nothing else in openssl.cnf.
 */
char *edit_drop_in(const char *path, const struct doctor_conf *conf, const struct edit_settings *settings,
                   bool alone);
/* Is it a drop-in that edit_drop_in() made? */
bool edit_is_drop_in(const char *text);
/* Reads its settings. */
void edit_settings_read(const char *drop_in_text, struct edit_settings *ret);

#endif
