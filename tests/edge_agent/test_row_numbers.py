"""Row numbers: none is given twice, whatever ends the process."""

import signal
import subprocess
import sys
from pathlib import Path

from edge_agent.row_numbers import FILE_NAME, SKIP, RowNumbers

ROOT = Path(__file__).resolve().parents[2]


def test_numbers_rise_from_one_and_go_on_after_an_end(tmp_path: Path) -> None:
    numbers = RowNumbers(tmp_path)
    assert [numbers.next() for _ in range(3)] == [1, 2, 3]
    numbers.close()
    again = RowNumbers(tmp_path)
    assert (again.scored, again.next()) == (3, 4)


def test_a_killed_process_leaves_its_numbers_behind(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom edge_agent.row_numbers import RowNumbers\n"
        "numbers = RowNumbers(Path(sys.argv[1]))\nfor _ in range(1000): numbers.next()\nprint(1, flush=True)\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    numbers = RowNumbers(tmp_path)
    assert (numbers.scored, numbers.next()) == (1000, 1001)


def test_after_a_power_cut_numbers_skip_what_may_have_been_given(tmp_path: Path) -> None:
    numbers = RowNumbers(tmp_path)
    numbers.next()
    path = tmp_path / FILE_NAME
    data = bytearray(path.read_bytes())
    data[-36:] = b"another start of the machine".ljust(36)
    path.write_bytes(data)
    again = RowNumbers(tmp_path)
    assert (again.scored, again.next()) == (1, SKIP + 2)


def test_a_file_that_holds_no_numbers_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"rubbish")
    assert RowNumbers(tmp_path).next() == 1
