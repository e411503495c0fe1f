//! Lists that take little more room than what is in them: most lists of a series have one to three entries, where `Vec` makes
//! room for four at once and for twice as many whenever they run out.

/// Adds to the end of a list.
pub(crate) fn push<T>(list: &mut Vec<T>, thing: T) {
    make_room(list);
    list.push(thing);
}

/// Adds to a list at a place.
pub(crate) fn insert<T>(list: &mut Vec<T>, place: usize, thing: T) {
    make_room(list);
    list.insert(place, thing);
}

/// Keeps those of which this holds, and no room for the others.
pub(crate) fn retain<T>(list: &mut Vec<T>, keep: impl FnMut(&T) -> bool) {
    list.retain(keep);
    list.shrink_to_fit();
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
