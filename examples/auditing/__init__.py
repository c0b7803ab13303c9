"""What does the job in `examples/audit.py` consist of? Its agents are in `crew.py` and `inspectors.py`."""
