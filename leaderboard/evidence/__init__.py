"""What makes a claim believable: seeds nobody chose, anytime-valid tests, and trust that is earned.

Every module here is a pure function of records, a public policy and, for "my board", the viewer's id.
docs/evidence.md states what each number means, what is controlled and for whom, and what is not.
"""
