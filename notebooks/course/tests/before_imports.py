"""What must happen before the tests import anything large; pytest loads it first (.pytest.ini).

That is: what libraries read when they are imported, and the processes that are to be forks.
"""

import os
import sys

import pytest

# Several notebooks run side by side; where each took all cores, they would wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# jsonschema, which nbval brings along, would spend a second of each process on a grammar of
# international web addresses; it does without where this module cannot be imported.
sys.modules.setdefault("rfc3987_syntax", None)

if sys.platform == "linux":
    from course.tests import fork_server

    if not fork_server.is_known():
        fork_server.start()  # first, since the others wait for it

    from course.tests import forked_kernels, forked_workers

    forked_kernels.use()

    def pytest_xdist_setupnodes(specs):
        """Start the test processes as forks, too."""
        forked_workers.as_workers(specs)

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_auto_num_workers(config):
        """Return one more than cores for `-n logical`: some tests wait, and a fork is cheap."""
        if config.option.numprocesses != "logical" or "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
            return None  # xdist decides
        return len(os.sched_getaffinity(0)) + 1
