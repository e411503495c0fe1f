//! Stories over the whole house, one module a story.
