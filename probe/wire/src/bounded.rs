//! Limits enforced while decoding: a sequence or text over its bound is refused before it is held in memory whole.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// Decodes a sequence of at most `MAX` elements.
pub(crate) fn seq<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Bounded<T, const MAX: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Bounded<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MAX} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(element) = access.next_element()? {
                if list.len() == MAX {
                    return Err(A::Error::invalid_length(MAX + 1, &self));
                }
                list.push(element);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(Bounded::<T, MAX>(PhantomData))
}

/// Decodes a text of at most [`crate::limits::TEXT`] bytes.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    check(String::deserialize(deserializer)?)
}

/// As [`text`], for a text that may be absent.
pub(crate) fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer)?.map(check).transpose()
}

/// A list of at most `MAX` texts, each as [`text`].
pub(crate) fn texts<'de, D: Deserializer<'de>, const MAX: usize>(deserializer: D) -> Result<Vec<String>, D::Error> {
    seq::<D, String, MAX>(deserializer)?.into_iter().map(check).collect()
}

fn check<E: Error>(text: String) -> Result<String, E> {
    if text.len() > crate::limits::TEXT {
        return Err(E::invalid_length(text.len(), &"a text of at most 2048 bytes"));
    }
    Ok(text)
}
