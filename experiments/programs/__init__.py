"""Python code as part of a recipe: its canonical form, its confined execution, and an attempt to score it.

`canonical` gives a program its content id, `slots` runs the functions of a program in a sandbox and believes
none of their answers, `attempt` measures a candidate here without publishing. docs/sandbox.md has the codes.
"""
