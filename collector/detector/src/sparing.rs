//! Lists that take little more room than what is in them: most lists of a series have one to three entries, where `Vec` makes
//! room for four at once and for twice as many whenever they run out.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

/// A list without any room for more: each that is added may move all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Few<T>(Box<[T]>);

impl<T> Few<T> {
    pub(crate) fn push(&mut self, thing: T) {
        self.insert(self.len(), thing);
    }

    pub(crate) fn insert(&mut self, place: usize, thing: T) {
        self.change(|list| {
            list.reserve_exact(1);
            list.insert(place, thing);
        });
    }

    pub(crate) fn remove(&mut self, place: usize) {
        self.change(|list| _ = list.remove(place));
    }

    /// Keeps those of which this holds.
    pub(crate) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        if !self.iter().all(&keep) {
            self.change(|list| list.retain(keep));
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Vec<T>)) {
        let mut list = std::mem::take(&mut self.0).into_vec();
        change(&mut list);
        self.0 = list.into_boxed_slice();
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

/// Adds to a list at a place.
pub(crate) fn insert<T>(list: &mut Vec<T>, place: usize, thing: T) {
    make_room(list);
    list.insert(place, thing);
}

/// How much room to make at once: more in long lists, or filling them would take too long.
pub(crate) fn step(length: usize) -> usize {
    1 + length / 8
}

fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(step(list.len()));
    }
}
