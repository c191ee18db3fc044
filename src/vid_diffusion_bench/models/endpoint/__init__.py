"""Video servers over HTTP: the OpenAI-compatible ``/v1/videos`` interface, and queues of hosted services."""
