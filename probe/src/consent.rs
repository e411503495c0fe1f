//! Informed consent: the text a volunteer reads, and the question. Nothing is measured before the answer is yes.

use std::io::{BufRead, Write};

use crate::daemon::Cause;

/// The text of [`kedergi_wire::CONSENT_VERSION`]. A test holds its digest: whoever changes what it says raises the version, and
/// every volunteer is asked again.
pub(crate) const TEXT: &str = "\
KEDERGI PROBE: WHAT YOU AGREE TO (version 2)

What it does
  Every few minutes this machine opens sites from a list: social networks, messengers, news,
  human rights, tools against censorship and others. Some of them may be blocked, unwelcome or
  forbidden where you are. For each it asks name servers for the address, connects, and loads
  the page. It opens nothing but the list, and no kind of site that you exclude
  (skip_categories in the configuration).

What is sent and published
  The results go to the collector: which site, when, at which step it failed, the answers of
  name servers, certificates, page titles, and the number of your network and your country.
  Of a page that stands in a site's place, such as a notice that it is blocked, the beginning is
  sent, without what looks like an IP address or a long number in it: those may be yours.
  Results are published, but no cell of a table that rests on fewer than three probes. Your
  IP address is neither stored nor logged by the collector, but whoever runs it, or breaks into
  it, could see it while you are connected. Your name is not asked for.

What others can see
  Your provider, and whoever watches your line, sees that this machine opens these sites, again
  and again, day and night. They see that it talks to the collector. Nothing hides this.

The risk
  In some places that is enough for questions, the loss of your line, a fine, a search of your
  home or an arrest. Whoever searches this machine finds this program and its records in the
  data directory. Those who sent you the invitation cannot protect you. If others use your
  line, the risk is theirs too: ask them. If you are not sure, do not take part.

How to stop, and how to delete everything
  Stop the program (Ctrl-C, or your system's service command); it does not start by itself
  unless you set that up. Then delete the data directory: the key, the records and this
  consent are gone. Reports that were already sent cannot be called back.
";

/// Asks whether the volunteer agrees. `accepted` is for machines, where somebody else read the text.
pub(crate) fn ask(
    accepted: bool,
    at_terminal: bool,
    mut input: impl BufRead,
    mut output: impl Write,
) -> Result<(), Cause> {
    if accepted {
        return Ok(());
    }
    if !at_terminal {
        return Err(Cause::NobodyToAsk);
    }
    write!(output, "{TEXT}\nDo you understand this and agree? Type yes in full, anything else means no: ")?;
    output.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Cause::Declined) }
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{CONSENT_VERSION, Digest};

    use super::*;

    fn answer(text: &str) -> Result<(), Cause> {
        ask(false, true, text.as_bytes(), Vec::new())
    }

    #[test]
    fn only_yes_in_full_is_yes() {
        assert!(answer("yes\n").is_ok());
        for no in ["y\n", "Yes, but\n", "no\n", "\n", "", "YES\n"] {
            assert!(matches!(answer(no), Err(Cause::Declined)), "{no:?}");
        }
    }

    #[test]
    fn without_a_terminal_nobody_agreed() {
        assert!(matches!(ask(false, false, "yes\n".as_bytes(), Vec::new()), Err(Cause::NobodyToAsk)));
        assert!(ask(true, false, "".as_bytes(), Vec::new()).is_ok());
    }

    #[test]
    fn the_text_is_shown_before_the_answer() {
        let mut shown = Vec::new();
        ask(false, true, "yes\n".as_bytes(), &mut shown).unwrap();
        let shown = String::from_utf8(shown).unwrap();
        assert!(shown.starts_with(TEXT) && shown.contains("arrest") && shown.contains("delete the data directory"));
    }

    #[test]
    fn another_text_has_another_version() {
        insta::assert_snapshot!(format!("{CONSENT_VERSION} {}", Digest::of(TEXT.as_bytes())));
    }
}
