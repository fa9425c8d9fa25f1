"""Scripts that run inside a confined process. They import nothing of the project: it is not visible there."""
