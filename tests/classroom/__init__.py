"""A class on one JupyterHub: `python -m tests.classroom --learners 20` measures what it needs."""
