"""The screen serves for weeks: its memory stays flat, however often pages are loaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashboard import state
from tests.servers import start_hmi

LOADS, WARM = 500, 150
ALLOWED_MB = 60.0
"""Growth from the 150th to the last load; what is remembered of cells is bounded and full by then."""


def resident_MB(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


@pytest.mark.long
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads memory from /proc")
def test_memory_is_flat_over_five_hundred_page_loads(twin, browser, tmp_path):
    server = start_hmi(twin.basyx_url, tmp_path)
    pid, seen = server.process.pid, []
    try:
        for load in range(1, LOADS + 1):
            context = browser.new_context(viewport={"width": 1280, "height": 800})  # a session of its own each time
            page = context.new_page()
            view = state.VIEWS[load % len(state.VIEWS)]
            page.goto(f"{server.url}/?view={view}&cell=B0005&lang={('en', 'fr')[load % 2]}")
            page.wait_for_selector(".head h1", timeout=60_000)
            page.wait_for_timeout(150)
            context.close()
            if load % 50 == 0:
                seen.append((load, round(resident_MB(pid))))
                print(f"after {load} loads: {seen[-1][1]} MB", flush=True)
    finally:
        server.stop()
    warm = next(memory for load, memory in seen if load >= WARM)
    assert seen[-1][1] - warm <= ALLOWED_MB, seen
