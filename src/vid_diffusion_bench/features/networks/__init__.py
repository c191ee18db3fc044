"""Networks of published weights as extractors: one module a family, weights by name, preprocessing as published."""
