//! What the collector does without being asked.

pub(crate) mod detect;
