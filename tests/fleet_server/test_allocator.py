import resource
import subprocess
import sys

ARRAYS_BYTES, TIMES = 30_000_000, 5
PROGRAM = f"""
import resource
import numpy as np
from fleet_server.allocator import keep_freed_memory
{{call}}
for _ in range({TIMES}):
    [np.ones({ARRAYS_BYTES} // 10, np.uint8) for _ in range(10)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def page_faults(call: str) -> int:
    program = PROGRAM.format(call=call)
    return int(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)


def test_what_arrays_took_is_kept_for_the_next_ones() -> None:
    pages = ARRAYS_BYTES // resource.getpagesize()
    assert page_faults("keep_freed_memory()") < page_faults("") - (TIMES - 2) * pages
