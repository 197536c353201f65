/* Text that a terminal or a log shows as it stands. */
#ifndef LB_BASE_PRINTABLE_H
#define LB_BASE_PRINTABLE_H

/*
 * Makes one line of text harmless for a terminal, since files, other users' processes, boxes and tokens write what they like.
 * Each byte of what moves a cursor, ends a line or turns text around becomes a '?', and the length stays. That is:
 *   control characters of ASCII (ISO 646), tabs and ends of lines among them
 *   control characters of ISO 8859-1, as UTF-8 has them (U+0080 to U+009F)
 *   separators and directions, U+2028 to U+202E and U+2066 to U+2069
 *   bytes that are no UTF-8 (RFC 3629)
 */
void make_printable(char *text);

#endif
