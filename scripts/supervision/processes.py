"""Child processes in groups of their own, and telling a process from another one that got its number later."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def own_group() -> dict[str, Any]:
    """Arguments of Popen: Ctrl-C in the terminal reaches the supervisor alone, which ends all in order.

    On Linux the kernel ends the child when the thread that started it is gone, as when the supervisor is killed.
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True, "preexec_fn": _die_with_parent if _prctl else None}


def _die_with_parent() -> None:
    if _prctl:
        _prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG, prctl(2)


def end(process: subprocess.Popen[bytes], grace_s: float, whole_group: bool = False) -> bool:
    """Asks a child that leads its group to end, and kills the group after `grace_s`. True: it ended by itself.

    What it started and left behind ends with it. `whole_group`: all of the group are asked, not the child alone.
    """
    by_itself = True
    with contextlib.suppress(ProcessLookupError):
        if whole_group and sys.platform != "win32":
            os.killpg(process.pid, signal.SIGTERM)
        elif process.poll() is None:
            process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        by_itself = False
    _kill_group(process.pid)
    process.wait()
    return by_itself


def _kill_group(pid: int) -> None:
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(pid)], capture_output=True, timeout=30)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def identity(pid: int) -> str:
    """When a process began: with its number it is that very process. Empty when there is none, or a dead one."""
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return ""
        return "" if fields[0] in "ZX" else f"{fields[19]} since boot {boot}"  # state and starttime, proc(5)
    if sys.platform == "win32":
        query = f"(Get-CimInstance Win32_Process -Filter 'ProcessId={pid}').CreationDate.Ticks"
        command = ["powershell", "-NoProfile", "-Command", query]
    else:
        command = ["ps", "-o", "lstart=", "-p", str(pid)]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def end_stranger(pid: int, began: str, grace_s: float) -> bool:
    """Ends a process (and its group) that is no child of ours, if it still is the one that began then."""
    if not began or identity(pid) != began:
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGTERM)
        _wait_until_gone(pid, began, grace_s)
        if sys.platform == "win32" or os.getpgid(pid) == pid:
            _kill_group(pid)
        else:
            os.kill(pid, signal.SIGKILL)
        _wait_until_gone(pid, began, grace_s)  # until then its port is busy
    return True


def _wait_until_gone(pid: int, began: str, timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until and identity(pid) == began:
        time.sleep(0.1)
