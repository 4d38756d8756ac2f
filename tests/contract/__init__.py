"""The documents are true: AsyncAPI, OpenAPI, and the operating guide."""
