//! One manner out of several attempts.

/// The manner of most attempts; of equals, the one seen first. `None` where most attempts accuse nobody.
pub(crate) fn majority<M: Copy + PartialEq>(attempts: impl IntoIterator<Item = Option<M>>) -> Option<M> {
    let mut counts: Vec<(Option<M>, usize)> = Vec::new();
    for attempt in attempts {
        match counts.iter_mut().find(|(manner, _)| *manner == attempt) {
            Some((_, count)) => *count += 1,
            None => counts.push((attempt, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    counts.into_iter().find(|(_, count)| *count == most)?.0
}

#[cfg(test)]
mod tests {
    use super::majority;

    #[test]
    fn most_decide_and_the_first_of_equals() {
        assert_eq!(majority([Some('a'), Some('b'), Some('b')]), Some('b'));
        assert_eq!(majority([Some('a'), Some('b')]), Some('a'));
        assert_eq!(majority([None, None, Some('b')]), None);
        assert_eq!(majority(Vec::<Option<char>>::new()), None);
    }
}
