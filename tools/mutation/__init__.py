"""Mutation testing of the package: small changes of its code, each of which the tests or the notebooks should notice."""
