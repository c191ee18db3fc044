"""Bodies of requests and answers, one module a noun."""
