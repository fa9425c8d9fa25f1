"""Pure protocol: state machines and wire forms. No I/O, no clock, no randomness; those are arguments."""
