"""Devices: enrolment, labels, certificates, and what each last said of itself."""
