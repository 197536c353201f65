/* A program's standard descriptors: what was printed has arrived, or the exit status says that it has not. */
#ifndef LB_BASE_OUTPUT_H
#define LB_BASE_OUTPUT_H

#include <stdbool.h>

/*
 * To be called first. Descriptors 0 to 2 become something, or the first file that is opened would be standard output: one
 * that was closed is /dev/null, where reading finds nothing and printing fails. From here on a write to a pipe that
 * nobody reads fails, and ends nothing. False: there is no /dev/null.
 */
bool output_start(void);
/*
 * To be called last: standard output is closed. Returns status where all of it was written. Where its reader has gone
 * (`| head`) the process ends by SIGPIPE, without a word, as it would have if it did not hold that signal off;
 * else "PROGRAM: cannot write the output" is said, and 0 becomes 1.
 */
int output_end(const char *program, int status);

#endif
