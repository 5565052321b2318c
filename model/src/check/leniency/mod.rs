//! The wing of leniency: what the profile `workerd` lets pass, and histories that do not tell of commits, where what is seen
//! rules out states that the object might have been in. The other wings ask it in few places and know nothing of how it decides.

pub(in crate::check) mod timers;
pub(in crate::check) mod unsure;
