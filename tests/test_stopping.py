"""SIGTERM and Ctrl-C."""

import subprocess
import sys

OFTEN = """
import os, signal, threading, time
from edge.cli.stopping import stop_on_signal

def kill():
    for number in 30 * (signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), number)
        time.sleep(0.001)
    done.set()

stop, done = threading.Event(), threading.Event()
stop_on_signal(stop)
threading.Thread(target=kill).start()
stops = 0
while not done.is_set():
    stops += stop.wait(0)
    stop.clear()
print("stopped", stops > 0)
"""


def test_a_signal_that_comes_while_the_loop_waits_for_one_does_not_hang_it() -> None:
    told = subprocess.run([sys.executable, "-c", OFTEN], capture_output=True, text=True, timeout=120, check=False)
    assert told.stdout == "stopped True\n", told.stderr
