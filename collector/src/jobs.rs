//! What the collector does without being asked.

pub(crate) mod detect;

pub(crate) use detect::Heard;
