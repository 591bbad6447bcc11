// Calls of the system that Swift cannot make: variadic ones, those that glibc does not wrap, and GNU's own;
// and the arguments of the process. Instructions of the processor that Swift does not have.
#ifndef IR_SYSTEM_H
#define IR_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

/// Opens a file for reading below an open directory, through no symbolic link anywhere on the way.
/// Returns a descriptor, or -1 with errno: ELOOP at a link, ENOSYS where the kernel (before Linux 5.6, or a
/// sandbox) has no openat2.
int ir_open_beneath(int directory, const char *path);

/// The path under which the loader knows the program or library that holds this code; NULL where it says
/// none. Of a program it may be a name without a folder.
const char *ir_loaded_from(void);

/// The arguments of the process, its name first, as the loader hands them over: `*count` of them, which live
/// as long as the process. Swift reads its own list from /proc, which a sandbox may lack.
char *const *ir_arguments(int *count);

/// Gives memory that was freed, and that the allocator keeps for later, back to the system. Nothing where the
/// allocator cannot.
void ir_give_back_freed(void);

/// Takes `count` blocks of 64 bytes into the eight words of a SHA-256 (FIPS 180-4, section 6.2.2), by the
/// processor's instructions for it where it has them.
void ir_sha256_blocks(uint32_t state[8], const void *blocks, size_t count);

/// The same without those instructions.
void ir_sha256_blocks_portable(uint32_t state[8], const void *blocks, size_t count);

#endif
