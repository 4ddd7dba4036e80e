// SPDX-License-Identifier: BSD-2-Clause
// fmt/elf: file and program headers of both classes and byte orders, cut short at every byte.
#include "fmt/elf.h"

#include "dump_build.h"
#include "tap.h"

#include <stdlib.h>

// A file of LEN bytes at P.
#define FILE_OF(p, len) ((struct file){.map = (p), .size = (len)})

static const uint8_t page[64] = "page";
static const struct build_load loads[] = {
    {.vaddr = 0x11223344, .paddr = 0x1000, .memsz = 0x2000, .bytes = page, .filesz = 64},
    {.vaddr = 0x55667788, .paddr = 0x9000, .memsz = 0x40, .bytes = page, .filesz = 64},
};

static void test_class(uint8_t elf_class, bool big, bool xnum) {
    struct build_elf e = {.elf_class = elf_class,
                          .big = big,
                          .xnum = xnum,
                          .machine = ELF_EM_S390,
                          .flags = 1,
                          .ehsize = 8,
                          .loads = loads,
                          .load_count = 2};
    struct bytes_out b = elf_build(&e);
    struct elf_header h;
    struct elf_phdr p;
    struct kvm_err err = {0};
    printf("# class %u, %s-endian%s\n", elf_class, big ? "big" : "little", xnum ? ", PN_XNUM" : "");
    is_int(elf_header_parse(&FILE_OF(b.p, b.len), &h, &err), 0, "the header is read");
    ok(h.big == big && h.elf_class == elf_class, "class and byte order");
    ok(h.type == ELF_ET_CORE && h.machine == ELF_EM_S390 && h.flags == 1, "type, machine, flags");
    is_int(h.phnum, 3, "number of program headers");
    ok(elf_phdr_get(&h, &FILE_OF(b.p, b.len), 0, &p) && p.type == ELF_PT_NOTE,
       "the first is the notes");
    ok(elf_phdr_get(&h, &FILE_OF(b.p, b.len), 1, &p) && p.type == ELF_PT_LOAD,
       "the second is a load");
    ok(p.vaddr == 0x11223344 && p.paddr == 0x1000, "its addresses");
    ok(p.filesz == 64 && p.memsz == 0x2000, "its sizes");
    ok(memcmp(b.p + p.offset, page, 64) == 0, "its place");
    size_t end = (size_t)p.offset; // there are no notes in between
    ok(elf_phdr_get(&h, &FILE_OF(b.p, end), 2, &p) &&
           !elf_phdr_get(&h, &FILE_OF(b.p, end - 1), 2, &p),
       "a program header that is cut off is not given");
    ok(!elf_phdr_get(&h, &FILE_OF(b.p, b.len), UINT32_MAX, &p), "nor one far behind the end");
    h.phoff = UINT64_MAX - 8;
    ok(!elf_phdr_get(&h, &FILE_OF(b.p, b.len), 2, &p), "nor one whose offset overflows");
    free(b.p);
}

static void test_truncation(uint8_t elf_class, bool xnum) {
    struct build_elf e = {.elf_class = elf_class, .xnum = xnum, .loads = loads, .load_count = 2};
    struct bytes_out b = elf_build(&e);
    struct elf_header h;
    size_t whole = elf_class == 2 ? 64 : 52;
    if (xnum) whole += elf_class == 2 ? 48 : 32; // up to the end of sh_info
    int refused = 0;
    for (size_t n = 0; n < whole; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, b.p, n);
        struct kvm_err err = {0};
        refused += elf_header_parse(&FILE_OF(copy, n), &h, &err) == KVM_FORMAT && err.text[0];
        free(copy);
    }
    is_int(refused, (int64_t)whole, "a header cut short anywhere is an error of format");
    struct kvm_err err = {0};
    is_int(elf_header_parse(&FILE_OF(b.p, whole), &h, &err), 0, "the whole header is enough");
    free(b.p);
}

static void test_nonsense(void) {
    struct build_elf e = {.elf_class = 2, .loads = loads, .load_count = 2};
    struct bytes_out b = elf_build(&e);
    struct elf_header h;
    struct kvm_err err = {0};
    static const struct {
        size_t at;
        uint8_t value;
        const char *text;
    } cases[] = {
        {0, 'x', "no ELF magic"},
        {4, 0, "class 0"},
        {4, 3, "class 3"},
        {5, 0, "byte order 0"},
        {5, 9, "byte order 9"},
        {54, 55, "program headers of 55 bytes"},
        {54, 0, "program headers of 0 bytes"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t was = b.p[cases[i].at];
        b.p[cases[i].at] = cases[i].value;
        is_int(elf_header_parse(&FILE_OF(b.p, b.len), &h, &err), KVM_FORMAT, "nonsense is refused");
        has_text(err.text, cases[i].text, "with its reason");
        b.p[cases[i].at] = was;
    }
    b.p[56] = b.p[57] = 0xff; // PN_XNUM without section headers: 65535 it is
    is_int(elf_header_parse(&FILE_OF(b.p, b.len), &h, &err), 0, "0xffff program headers");
    is_int(h.phnum, 0xffff, "are that many without a section header");
    memset(b.p + 40, 0xff, 8); // e_shoff
    is_int(elf_header_parse(&FILE_OF(b.p, b.len), &h, &err), KVM_FORMAT,
           "a section header behind the end");
    ok(elf_magic(b.p, 4) && !elf_magic(b.p, 3), "the magic is four bytes");
    free(b.p);
}

int main(void) {
    for (int i = 0; i < 8; i++)
        test_class(i & 1 ? 2 : 1, i & 2, i & 4);
    for (int i = 0; i < 4; i++)
        test_truncation(i & 1 ? 2 : 1, i & 2);
    test_nonsense();
    return done();
}
