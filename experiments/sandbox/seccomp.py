"""A system call filter in classic BPF, written out by hand: default deny, no compiler, no library.

Two profiles. `strict` lists what a single-threaded numerical program needs after its imports: memory, reading
files, the pipe, its own clock. No process, no thread, no socket, no signal to others, no execve. Anything
else fails with EPERM, which Python shows as PermissionError, so that an honest program that asks too much
learns why. `tasks` (GPU programs, opt-in) allows everything but a list of calls that widen the attack surface
of the kernel or reach other processes; there the namespaces of bubblewrap carry the weight.

Commands of ioctl and fcntl are filtered by their argument: fcntl could otherwise send the parent signals
(F_SETOWN with O_ASYNC), and ioctl reaches every driver.

Sources: Linux uapi `seccomp.h`, `filter.h`, `audit.h`, the syscall tables of x86-64 and of the generic ABI
(aarch64). Other processors have no table here and get no sandbox.
"""

from __future__ import annotations

import errno
import platform
import struct
from typing import Final

__all__ = ["MACHINES", "program"]

# name: (x86-64, aarch64 or None where the generic ABI dropped the call)
_STRICT: Final[dict[str, tuple[int, int | None]]] = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66),
    "pread64": (17, 67), "pwrite64": (18, 68), "close": (3, 57), "lseek": (8, 62),
    "fstat": (5, 80), "newfstatat": (262, 79), "stat": (4, None), "lstat": (6, None), "statx": (332, 291),
    "statfs": (137, 43), "fstatfs": (138, 44), "access": (21, None), "faccessat": (269, 48),
    "faccessat2": (439, 439), "open": (2, None), "openat": (257, 56), "getdents64": (217, 61),
    "readlink": (89, None), "readlinkat": (267, 78), "getcwd": (79, 17), "dup": (32, 23),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216), "madvise": (28, 233),
    "brk": (12, 214), "mincore": (27, 232), "get_mempolicy": (239, 236), "fadvise64": (221, 223),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132), "restart_syscall": (219, 128),
    "futex": (202, 98), "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "getcpu": (309, 168),
    "membarrier": (324, 283), "set_robust_list": (273, 99), "rseq": (334, 293),
    "set_tid_address": (218, 96), "arch_prctl": (158, None),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, None), "getrusage": (98, 165),
    "times": (100, 153), "sysinfo": (99, 179), "uname": (63, 160), "getpid": (39, 172), "gettid": (186, 178),
    "getppid": (110, 173), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
    "getegid": (108, 177), "getrandom": (318, 278),
    "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72),
    "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
_NEVER: Final[dict[str, tuple[int, int | None]]] = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "bpf": (321, 280),
    "perf_event_open": (298, 241), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "unshare": (272, 97), "setns": (308, 268), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "personality": (135, 92),
    "fsopen": (430, 430), "fsmount": (432, 432), "move_mount": (429, 429), "open_tree": (428, 428),
    "mount_setattr": (442, 442), "quotactl": (179, 60), "swapon": (167, 224), "swapoff": (168, 225),
    "reboot": (169, 142), "acct": (163, 89),
}  # fmt: skip
# Calls with a command argument (the second): TCGETS, FIONCLEX, FIOCLEX; F_DUPFD, F_GETFD, F_SETFD, F_GETFL,
# F_DUPFD_CLOEXEC. What open() of Python and the loader use.
_COMMANDS: Final[tuple[tuple[tuple[int, int], tuple[int, ...]], ...]] = (
    ((16, 29), (0x5401, 0x5450, 0x5451)),
    ((72, 25), (0, 1, 2, 3, 1030)),
)

# AUDIT_ARCH_*, and the column of the tables above.
MACHINES: Final[dict[str, tuple[int, int]]] = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, JMP|JEQ|K, JMP|JGE|K, RET|K
_NUMBER, _ARCH, _SECOND_ARG = 0, 4, 24  # offsets in struct seccomp_data; low half of args[1], little endian
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_DENY: Final = _ERRNO | errno.EPERM
_X32: Final = 0x40000000  # x86-64 calls with 32-bit pointers have this bit: another way to the same calls


def program(*, tasks: bool) -> bytes:
    """Instructions (8 bytes each) for SECCOMP_SET_MODE_FILTER on this processor; KeyError on others."""
    arch, column = MACHINES[platform.machine()]
    head = [
        _instruction(_LOAD, _ARCH), _instruction(_EQUAL, arch, 1, 0), _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER), _instruction(_AT_LEAST, _X32, 0, 1), _instruction(_RETURN, _KILL),
    ]  # fmt: skip
    listed, otherwise = (_NEVER, _ALLOW) if tasks else (_STRICT, _DENY)
    numbers = sorted(number for pair in listed.values() if (number := pair[column]) is not None)
    body = [] if tasks else [line for entry in _COMMANDS for line in _command(entry, column)]
    body += [line for number in numbers for line in _verdict(number, _DENY if tasks else _ALLOW)]
    return b"".join((*head, *body, _instruction(_RETURN, otherwise)))


def _verdict(number: int, verdict: int) -> tuple[bytes, bytes]:
    return _instruction(_EQUAL, number, 0, 1), _instruction(_RETURN, verdict)


def _command(entry: tuple[tuple[int, int], tuple[int, ...]], column: int) -> list[bytes]:
    """Allow the call only with one of its commands; afterwards the accumulator holds the number again."""
    numbers, commands = entry
    checks = [line for command in commands for line in _verdict(command, _ALLOW)]
    inner = [_instruction(_LOAD, _SECOND_ARG), *checks, _instruction(_RETURN, _DENY)]
    return [_instruction(_EQUAL, numbers[column], 0, len(inner)), *inner]


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, operand)
