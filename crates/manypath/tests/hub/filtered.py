#!/usr/bin/python3
"""Runs a program under the SystemCallFilter= lines of a unit, as systemd would, but that a call which the
filter refuses ends the program: filtered.py UNIT PROGRAM ARGUMENT..."""

import ctypes
import os
import subprocess
import sys

KILL_PROCESS = 0x80000000
ALLOW = 0x7FFF0000


def members(name):
    """The system calls of a set such as @system-service, with the sets in it."""
    if not name.startswith("@"):
        return {name}
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, check=True, text=True
    )
    words = [line.split("#")[0].strip() for line in listed.stdout.splitlines()[1:]]
    return set().union(*(members(word) for word in words if word))


def allowed(unit):
    calls = set()
    for line in open(unit):
        if not line.startswith("SystemCallFilter="):
            continue
        words = line.split("=")[1].split()
        if words[0].startswith("~"):
            words[0] = words[0][1:]
            calls -= set().union(*map(members, words))
        else:
            calls |= set().union(*map(members, words))
    # systemd.exec(5): always allowed.
    return calls | members("@default")


def load(calls):
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(KILL_PROCESS)))
    for call in sorted(calls):
        number = seccomp.seccomp_syscall_resolve_name(call.encode())
        # Negative: this processor has no such call.
        if number >= 0:
            assert seccomp.seccomp_rule_add(context, ctypes.c_uint32(ALLOW), number, 0) == 0, call
    assert seccomp.seccomp_load(context) == 0


calls = allowed(sys.argv[1])
assert len(calls) > 100, calls
load(calls)
os.execv(sys.argv[2], sys.argv[2:])
