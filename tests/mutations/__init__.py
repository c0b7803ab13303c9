"""Do the tests notice a fault in the kernel? `python -m tests.mutations` puts faults into it and looks."""
