"""Summaries of a model or of the whole fleet: for people who look once a day or once a week.

``facts`` says what a summary holds, ``gathering`` finds it, ``page`` writes it as HTML;
``schedule`` says when one is due (pure), ``service`` keeps who gets it and sends it.
"""
