//! What a report keeps of what others wrote: of a body its beginning, where that is the evidence, and of everything no address.
//!
//! A block page, a log-in page or the address it sends its reader to often holds the reader's own address. The probe does
//! not know how it is seen from outside, so whatever looks like an address goes.

use kedergi_verdict::strange_pages;
use kedergi_wire::{ControlEntry, Observation, Report, Step, StepOutcome, limits};

use super::{cut, scrub};

/// Bodies in one report: a block page, and where it sends its reader.
const BODIES: usize = 2;

/// The beginning of a body, as it came. `None` for an empty one, and for what hides its text from the search for addresses: packed, or
/// not in one byte a letter.
pub(crate) fn beginning(mut body: Vec<u8>, packed: bool) -> Option<Vec<u8>> {
    if body.is_empty() || packed || body.contains(&0) {
        return None;
    }
    if body.len() > limits::BODY {
        body.truncate(limits::BODY);
        body.shrink_to_fit();
    }
    Some(body)
}

/// Leaves in a report the bodies of pages that are not the site's, and takes all addresses of readers out.
pub(crate) fn settle(report: &mut Report, control: Option<&ControlEntry>) {
    let strange: Vec<usize> = strange_pages(report, control).into_iter().take(BODIES).collect();
    for (index, seen) in report.observations.iter_mut().enumerate() {
        clean(seen, strange.contains(&index));
    }
    report.trials.iter_mut().for_each(|trial| clean(&mut trial.seen, false));
}

fn clean(seen: &mut Observation, strange: bool) {
    let hop = seen.hop;
    let Step::Http(http) = &mut seen.step else { return };
    if hop > 0 {
        // The target's own URL stands on the list.
        http.url = cut::text(&scrub::url(whole(&http.url)));
    }
    let StepOutcome::Ok(page) = &mut http.outcome else { return };
    let text = |text: &String| cut::text(&scrub::text(whole(text)));
    page.location = page.location.as_ref().map(|location| cut::text(&scrub::url(whole(location))));
    page.server = page.server.as_ref().map(text);
    page.title = page.title.as_ref().map(text);
    page.body.kept = page.body.kept.take().filter(|_| strange).map(|body| bytes(&body));
}

/// A text as long as the format lets it be may have been cut off within an address.
fn whole(text: &str) -> &str {
    // Letters of up to 4 bytes were left out whole.
    if text.len() + 3 < limits::TEXT {
        return text;
    }
    &text[..scrub::without_half(text.as_bytes()).len()]
}

fn bytes(body: &[u8]) -> Vec<u8> {
    let whole = if body.len() < limits::BODY { body } else { scrub::without_half(body) };
    let mut clean = scrub::bytes(whole);
    clean.truncate(limits::BODY);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_its_text_is_not_kept() {
        assert_eq!(beginning(b"stop".to_vec(), false), Some(b"stop".to_vec()));
        assert_eq!(beginning(b"stop".to_vec(), true), None);
        assert_eq!(beginning(b"s\0t\0".to_vec(), false), None);
        assert_eq!(beginning(Vec::new(), false), None);
        assert_eq!(beginning(vec![b'x'; 3 * limits::BODY], false).map(|body| body.len()), Some(limits::BODY));
    }

    #[test]
    fn an_address_at_the_cut_goes_with_all_its_parts() {
        let cut = [vec![b'x'; limits::BODY - 6], b" 95.56".to_vec()].concat();
        assert!(bytes(&cut).ends_with(b"x "));
        assert_eq!(whole(&format!("{} 95.56", "x".repeat(limits::TEXT - 6))).len(), limits::TEXT - 5);
        assert_eq!(whole("v1.2"), "v1.2");
    }
}
