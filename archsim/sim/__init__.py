"""Time: the event kernel, executors, fast-forward, and the machine that runs a mapping."""
