//! Stories over the whole house: see `it/`.
