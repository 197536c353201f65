/* wire.c: every getter and putter, and what happens after the first failure. */
#include <string.h>

#include "base/wire.h"
#include "unit.h"

static void integers_are_big_endian(void)
{
    static const uint8_t expected[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                        0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };
    uint8_t buf[sizeof(expected)];
    struct wire_writer w;
    struct wire_reader r;
    size_t len = 0;

    wire_write(&w, buf, sizeof(buf));
    wire_put_u8(&w, 0x01);
    wire_put_u16(&w, 0x0203);
    wire_put_u32(&w, 0x04050607);
    wire_put_u64(&w, 0x08090a0b0c0d0e0f);
    OK(wire_written(&w, &len));
    CU_ASSERT_EQUAL(len, sizeof(expected));
    CU_ASSERT(memcmp(buf, expected, sizeof(expected)) == 0);
    wire_read(&r, buf, len);
    CU_ASSERT_EQUAL(wire_get_u8(&r), 0x01);
    CU_ASSERT_EQUAL(wire_get_u16(&r), 0x0203);
    CU_ASSERT_EQUAL(wire_get_u32(&r), 0x04050607);
    CU_ASSERT_EQUAL(wire_get_u64(&r), 0x08090a0b0c0d0e0f);
    OK(wire_end(&r));
}

static void short_input_is_cut_off_and_stays_so(void)
{
    static const uint8_t data[] = { 1, 2, 3 };
    struct wire_reader r;

    wire_read(&r, data, sizeof(data));
    CU_ASSERT_EQUAL(wire_get_u32(&r), 0);
    FAILS(wire_end(&r), LB_E_CUT_OFF);
    /* What would fit is not given any more. */
    CU_ASSERT_EQUAL(wire_get_u8(&r), 0);
    CU_ASSERT_PTR_NULL(wire_get_raw(&r, 1).p);
    FAILS(wire_end(&r), LB_E_CUT_OFF);
}

static void trailing_bytes_are_an_error(void)
{
    struct wire_reader r;

    wire_read(&r, "ab", 2);
    CU_ASSERT_EQUAL(wire_get_u8(&r), 'a');
    FAILS(wire_end(&r), LB_E_TRAILING);
}

static void bools_are_0_or_1(void)
{
    for (unsigned v = 0; v < 256; v++) {
        uint8_t byte = (uint8_t)v;
        struct wire_reader r;

        wire_read(&r, &byte, 1);
        CU_ASSERT_EQUAL(wire_get_bool(&r), v == 1);
        FAILS(wire_end(&r), v < 2 ? 0 : LB_E_VALUE);
    }
}

static void byte_strings_are_capped(void)
{
    static const uint8_t data[] = { 0, 3, 'a', 'b', 'c' };
    struct wire_reader r;
    struct bytes b;

    wire_read(&r, data, sizeof(data));
    b = wire_get_bytes(&r, 3);
    OK(wire_end(&r));
    CU_ASSERT_EQUAL(b.len, 3);
    CU_ASSERT_PTR_EQUAL(b.p, data + 2);
    wire_read(&r, data, sizeof(data));
    CU_ASSERT_EQUAL(wire_get_bytes(&r, 2).len, 0);
    FAILS(wire_end(&r), LB_E_TOO_LONG);
    wire_read(&r, data, sizeof(data) - 1);
    CU_ASSERT_EQUAL(wire_get_bytes(&r, 3).len, 0);
    FAILS(wire_end(&r), LB_E_CUT_OFF);
    /* A length near the end of the address space must not wrap around. */
    wire_read(&r, data, sizeof(data));
    CU_ASSERT_PTR_NULL(wire_get_raw(&r, SIZE_MAX).p);
    FAILS(wire_end(&r), LB_E_CUT_OFF);
}

static void texts_can_be_printed(void)
{
    char text[4];
    struct wire_reader r;

    for (unsigned c = 0; c < 256; c++) {
        uint8_t data[] = { 0, 3, 'a', (uint8_t)c, 'b' };
        bool control = c < 0x20 || c == 0x7f;

        wire_read(&r, data, sizeof(data));
        wire_get_str(&r, text, sizeof(text));
        FAILS(wire_end(&r), control ? LB_E_VALUE : 0);
        CU_ASSERT_EQUAL(strlen(text), control ? 0 : 3);
    }
    wire_read(&r, "\0\4abcd", 6);
    wire_get_str(&r, text, sizeof(text));
    FAILS(wire_end(&r), LB_E_TOO_LONG);
    CU_ASSERT_STRING_EQUAL(text, "");
    wire_read(&r, "\0\0", 2);
    wire_get_str(&r, text, sizeof(text));
    OK(wire_end(&r));
    CU_ASSERT_STRING_EQUAL(text, "");
}

static void the_first_refusal_counts(void)
{
    struct wire_reader r;

    wire_read(&r, "a", 1);
    wire_refuse(&r, LB_E_NAME);
    wire_refuse(&r, LB_E_VALUE);
    FAILS(wire_end(&r), LB_E_NAME);
}

static void writing_never_passes_the_end(void)
{
    uint8_t buf[8];
    struct wire_writer w;
    size_t len = 77;

    memset(buf, 0xee, sizeof(buf));
    wire_write(&w, buf, 5);
    wire_put_u32(&w, 1);
    wire_put_u16(&w, 0xffff);
    wire_put_u8(&w, 1);
    FAILS(wire_written(&w, &len), LB_E_TOO_LONG);
    CU_ASSERT_EQUAL(len, 77);
    for (size_t i = 4; i < sizeof(buf); i++)
        CU_ASSERT_EQUAL(buf[i], 0xee);
    wire_write(&w, buf, 0);
    wire_put_raw(&w, NULL, 0);
    OK(wire_written(&w, &len));
    CU_ASSERT_EQUAL(len, 0);
}

static void byte_strings_have_16_bits_of_length(void)
{
    static uint8_t data[65536], buf[sizeof(data) + 2];
    struct wire_writer w;
    size_t len;

    wire_write(&w, buf, sizeof(buf));
    wire_put_bytes(&w, data, 65535);
    OK(wire_written(&w, &len));
    CU_ASSERT_EQUAL(len, 65537);
    wire_write(&w, buf, sizeof(buf));
    wire_put_bytes(&w, data, 65536);
    FAILS(wire_written(&w, &len), LB_E_TOO_LONG);
}

static const struct unit_test tests[] = {
    { "integers are big endian", integers_are_big_endian },
    { "short input is cut off, and stays so", short_input_is_cut_off_and_stays_so },
    { "trailing bytes are an error", trailing_bytes_are_an_error },
    { "bools are 0 or 1", bools_are_0_or_1 },
    { "byte strings are capped", byte_strings_are_capped },
    { "texts can be printed", texts_can_be_printed },
    { "the first refusal counts", the_first_refusal_counts },
    { "writing never passes the end", writing_never_passes_the_end },
    { "byte strings have 16 bits of length", byte_strings_have_16_bits_of_length },
    { NULL, NULL },
};
const struct unit_suite suite_wire = { "wire", tests };
