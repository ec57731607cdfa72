"""What the record and the worker say, in the shapes of the API."""
