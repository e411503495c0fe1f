//! What others sent is cut to the limits of the format before it goes into a report.

use kedergi_wire::limits;

/// The beginning of `text` that fits.
pub(crate) fn text(text: &str) -> String {
    let mut end = text.len().min(limits::TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_beginning_that_fits(long in "\\PC{0,1500}") {
            let short = text(&long);
            prop_assert!(short.len() <= limits::TEXT && long.starts_with(&short));
            prop_assert!(long.len() > limits::TEXT || short == long);
        }
    }
}
