"""The REST and WebSocket API. ``server.app.create_app`` is the factory."""
