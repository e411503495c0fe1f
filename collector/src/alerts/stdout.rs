//! Alerts for a person at a terminal or a log.

use std::io::{self, Write};

use super::message::Alert;
use super::outbox::Attempt;

/// Prints an alert as one line.
///
/// It counts as sent only after it was flushed: a crash in between prints it a second time, where marking it first
/// would lose it. Of the two a line that appears twice is the lesser harm, and the id at its end shows it.
pub(crate) fn deliver(id: &str, body: &str, out: &mut impl Write) -> Attempt {
    let alert = match serde_json::from_str::<Alert>(body) {
        Ok(alert) => alert,
        Err(error) => return Attempt::Unwanted(format!("the alert in the ledger cannot be read: {error}")),
    };
    match print(id, &alert, out) {
        Ok(()) => Attempt::Accepted,
        Err(error) => Attempt::Failed { error: error.to_string(), pause: None },
    }
}

fn print(id: &str, alert: &Alert, out: &mut impl Write) -> io::Result<()> {
    let at = alert.timestamp.strftime("%Y-%m-%d %H:%M UTC");
    writeln!(out, "alert {at}  {}  {}  {}  [{id}]", alert.news, alert.data.summary, alert.data.url)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::alerts::message;
    use crate::alerts::pager::{News, Page};
    use crate::api::fixtures::{body, event};

    #[test]
    fn one_line_says_it_all() {
        let page = Page { news: News::Opened, event: body(&event(&[9198, 21299], &["facebook", "youtube"])) };
        let alert = message::alert(&page, "https://kedergi.example", Timestamp::UNIX_EPOCH);
        let mut out = Vec::new();
        let attempt = deliver("KZ-20190509-7f3a.opened.1", &serde_json::to_string(&alert).unwrap(), &mut out);
        assert_eq!(attempt, Attempt::Accepted);
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn a_body_that_cannot_be_read_is_given_up() {
        assert!(matches!(deliver("id", "{}", &mut Vec::new()), Attempt::Unwanted(_)));
    }
}
