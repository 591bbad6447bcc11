// System calls that Swift cannot make: variadic ones, and those that glibc does not wrap.
#ifndef IR_SYSTEM_H
#define IR_SYSTEM_H

/// Opens a file for reading below an open directory, through no symbolic link anywhere on the way.
/// Returns a descriptor, or -1 with errno: ELOOP at a link, ENOSYS where the kernel (before Linux 5.6, or a
/// sandbox) has no openat2.
int ir_open_beneath(int directory, const char *path);

#endif
