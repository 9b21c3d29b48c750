"""The only files of this context that know a database."""
