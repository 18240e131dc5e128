"""Several real processes of one installation, attacked over HTTP and compared with a model."""
