//! The object-and-alarm system: sans-I/O state machines, inputs in, effects out.
