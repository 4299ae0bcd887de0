"""What can go wrong between the server and its broker."""


class BrokerStartError(Exception):
    """The embedded broker cannot listen; the message says where and what to do."""
