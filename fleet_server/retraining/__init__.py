"""Requests to train a model anew: opened by a rule or a person, with evidence and data, answered by a version.

``states`` says what may follow what (pure); ``service`` keeps the requests; ``rows`` gathers the
data; ``evidence`` says what speaks for it.
"""
