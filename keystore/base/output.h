/* A program's standard descriptors: what was printed has arrived, or the exit status says that it has not. */
#ifndef LB_BASE_OUTPUT_H
#define LB_BASE_OUTPUT_H

#include <stdbool.h>

/*
 * To be called first. Opens /dev/null for each of descriptors 0 to 2 that is closed, so that no file which is opened later
 * becomes standard output; reading such a descriptor finds nothing, and printing to it fails. From here on a write to a pipe that
 * nobody reads fails, and does not end the process. False: there is no /dev/null.
 */
bool output_start(void);
/*
 * To be called last: closes standard output. Returns status if all output was written. If the output's reader has gone
 * (`| head`), the process ends by SIGPIPE, without a word, as other programs do. Otherwise it prints "PROGRAM: cannot write the
 * output", and 0 becomes 1.
 */
int output_end(const char *program, int status);

#endif
