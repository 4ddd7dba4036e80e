// SPDX-License-Identifier: BSD-2-Clause
// fmt/vmcoreinfo: keys, numbers of every spelling, and text that is not what it should be.
#include "fmt/vmcoreinfo.h"

#include "tap.h"

static struct vmcoreinfo of(const char *text) {
    return (struct vmcoreinfo){text, strlen(text)};
}

static const char sample[] = "OSRELEASE=6.1.0-56-cloud-amd64\n"
                             "SYMBOL(_stext)=ffffffff98e00000\n"
                             "SYMBOL(a)=0x1F\n"
                             "KERNELOFFSET=17e00000\n"
                             "NUMBER(phys_base)=-281018368\n"
                             "NUMBER(PHYS_OFFSET)=0xfff0000040000000\n"
                             "NUMBER(max)=9223372036854775807\n"
                             "NUMBER(min)=-9223372036854775808\n"
                             "NUMBER(over)=9223372036854775808\n"
                             "NUMBER(under)=-9223372036854775809\n"
                             "NUMBER(huge)=99999999999999999999999\n"
                             "NUMBER(minus)=-\n"
                             "NUMBER(plus)=+1\n"
                             "NUMBER(space)= 1\n"
                             "NUMBER(word)=12x\n"
                             "NUMBER(empty)=\n"
                             "SYMBOL(long)=10000000000000000\n"
                             "SYMBOL(word)=ffg\n"
                             "no equals sign\n"
                             "EQUALS=a=b\n"
                             "LAST=end";

static void test_find(void) {
    struct vmcoreinfo v = of(sample);
    const char *value;
    size_t len;
    char buf[32];
    ok(vmcoreinfo_find(&v, "OSRELEASE", &value, &len) && len == 20, "the first line");
    ok(vmcoreinfo_find(&v, "LAST", &value, &len) && len == 3 && memcmp(value, "end", 3) == 0,
       "the last line, without a newline");
    ok(vmcoreinfo_string(&v, "EQUALS", buf, sizeof(buf)), "a value with an equals sign");
    is_str(buf, "a=b", "ends at the newline");
    ok(vmcoreinfo_string(&v, "NUMBER(empty)", buf, sizeof(buf)) && !buf[0], "an empty value");
    ok(vmcoreinfo_string(&v, "OSRELEASE", buf, 21), "a buffer of the exact size");
    ok(!vmcoreinfo_string(&v, "OSRELEASE", buf, 20), "one byte less does not do");
    ok(!vmcoreinfo_find(&v, "RELEASE", &value, &len), "a key is not found by its tail");
    ok(!vmcoreinfo_find(&v, "OSREL", &value, &len), "nor by its head");
    ok(!vmcoreinfo_find(&v, "no equals sign", &value, &len), "a line without a value has none");
    ok(!vmcoreinfo_find(&v, "ABSENT", &value, &len), "what is absent is absent");
}

static void test_numbers(void) {
    struct vmcoreinfo v = of(sample);
    uint64_t u = 0;
    int64_t i = 0;
    ok(vmcoreinfo_symbol(&v, "_stext", &u) && u == 0xffffffff98e00000, "a symbol");
    ok(vmcoreinfo_symbol(&v, "a", &u) && u == 0x1f, "with 0x and capitals");
    ok(vmcoreinfo_hex(&v, "KERNELOFFSET", &u) && u == 0x17e00000, "KERNELOFFSET");
    ok(vmcoreinfo_number(&v, "NUMBER(phys_base)", &i) && i == -281018368, "a negative number");
    ok(vmcoreinfo_number(&v, "NUMBER(PHYS_OFFSET)", &i) && (uint64_t)i == 0xfff0000040000000,
       "an unsigned long in hexadecimal");
    ok(vmcoreinfo_number(&v, "NUMBER(max)", &i) && i == INT64_MAX, "the largest");
    ok(vmcoreinfo_number(&v, "NUMBER(min)", &i) && i == INT64_MIN, "the smallest");
    static const char *const bad[] = {"over",  "under", "huge",  "minus", "plus",
                                      "space", "word",  "empty", "absent"};
    i = 42;
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        char key[32];
        snprintf(key, sizeof(key), "NUMBER(%s)", bad[k]);
        ok(!vmcoreinfo_number(&v, key, &i) && i == 42, "no number: %s", bad[k]);
    }
    ok(!vmcoreinfo_symbol(&v, "long", &u), "a symbol of 17 digits is none");
    ok(!vmcoreinfo_symbol(&v, "word", &u), "nor is one with a g");
    char name[300];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    ok(!vmcoreinfo_symbol(&v, name, &u), "a name that is too long is not found");
}

static void test_edges(void) {
    const char *value;
    size_t len;
    struct vmcoreinfo none = {0};
    ok(!vmcoreinfo_find(&none, "A", &value, &len), "no text, no value");
    struct vmcoreinfo empty = {"", 0};
    ok(!vmcoreinfo_find(&empty, "A", &value, &len), "empty text, no value");
    struct vmcoreinfo nul = {"A=1\n\0B=2\n", 9};
    ok(vmcoreinfo_find(&nul, "A", &value, &len), "what is in front of a NUL is read");
    ok(!vmcoreinfo_find(&nul, "B", &value, &len), "what is behind it is not");
    struct vmcoreinfo blank = of("\n\n\nA=1");
    ok(vmcoreinfo_find(&blank, "A", &value, &len) && len == 1, "blank lines are passed over");
    int found = 0;
    for (size_t n = 0; n <= 5; n++) { // cut short at every byte; exact memory for the sanitizer
        char part[5];
        memcpy(part, "KEY=1", n);
        struct vmcoreinfo cut = {part, n};
        found += vmcoreinfo_find(&cut, "KEY", &value, &len);
    }
    is_int(found, 2, "a line is found from its equals sign on");
}

int main(void) {
    test_find();
    test_numbers();
    test_edges();
    return done();
}
