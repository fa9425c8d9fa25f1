"""Scripts that run inside a confined process. Nothing of the project is visible there but `loop`."""
