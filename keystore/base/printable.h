/* Text that a terminal or a log shows as it stands. */
#ifndef LB_BASE_PRINTABLE_H
#define LB_BASE_PRINTABLE_H

/*
 * Puts a '?' in the place of each byte of what moves a terminal's cursor, ends a line or turns text around: control
 * characters of ASCII (ISO 646), tabs and ends of lines among them, and of ISO 8859-1 as UTF-8 has them (U+0080 to U+009F),
 * the separators and directions U+2028 to U+202E and U+2066 to U+2069, and bytes that are no UTF-8 (RFC 3629). The length
 * stays. For one line of text: files, other users' processes, boxes and tokens write what they like.
 */
void make_printable(char *text);

#endif
