//! The reference model: what an object with an alarm promises, and the checkers that refuse a history.
