"""Alerts: what asks for a person's attention, and the webhooks that carry it out of the house.

``rules`` decides what a changed verdict means (pure); ``service`` stores alerts;
``webhooks`` keeps the addresses; ``delivery`` sends, signs and tries again.
"""
