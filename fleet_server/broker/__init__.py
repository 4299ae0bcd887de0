"""The way between the fleet server and the MQTT broker."""
