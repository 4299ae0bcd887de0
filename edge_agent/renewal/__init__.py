"""Renewal of the device's certificate, in a short-lived child process.

The child (``python -m edge_agent.renewal STATE_DIR``) has the libraries that the agent's
main process does without: it looks at the certificate, and past half of its life makes a
new key, has it certified, and puts key and certificate in place in one rename.
"""
