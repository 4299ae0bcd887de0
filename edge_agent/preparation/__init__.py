"""From a signed assignment to verified bundles on the disk, in a process of its own.

``python -m edge_agent.preparation`` takes a ``Job`` as JSON on standard input and
answers ``Ready`` or ``Refused`` on standard output. A process of its own keeps TUF, HTTP and X.509
(40 MB) out of the agent's memory, and a kernel that crashes in the self-test away from
scoring; and it can be killed at any moment.
"""
