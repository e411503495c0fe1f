//! What a scene expects a probe to find, in the words of the verdicts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A verdict, or only the beginning of one: `blocked` is met by every block, `blocked tls reset` by that one alone, `blocked tls
/// reset by name` only if experiments told that it reacts to the name. Several,
/// joined by ` or `, where chance decides which it will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expected(Vec<Beginning>);

/// The first words of a verdict, and what it must say beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Beginning {
    words: Vec<String>,
    /// The way that it must say is hindered, by layer, manner and perhaps what that reacts to; `None` where nothing may be.
    hindered: Option<String>,
}

/// Second words, each with the third words that may follow it.
type Details = &'static [(&'static str, &'static [&'static str])];

/// What the five outcomes may be followed by. It repeats the vocabulary of `kedergi-verdict`, which the lab does not import:
/// the lab judges that package and must not move with it. A scene that expects a new word needs it here.
const AFTER: [(&str, Details); 5] = [
    ("reachable", &[("tunnel", &[])]),
    ("throttled", &[]),
    ("down", &[]),
    (
        "blocked",
        &[
            ("dns", &["nxdomain", "wrong-address", "bogon", "injected", "no-answer", "refused"]),
            ("tcp", &["timeout", "refused", "reset", "unreachable"]),
            ("tls", &["reset", "timeout", "closed", "alert", "intercepted"]),
            ("http", &["block-page", "reset", "timeout", "different"]),
        ],
    ),
    (
        "inconclusive",
        &[
            ("no-connectivity", &[]),
            ("no-control", &[]),
            ("resolver-dead", &[]),
            ("captive-portal", &[]),
            ("own-machine", &[]),
            ("ambiguous", &[]),
        ],
    ),
];

/// What a block may be found to react to, after the word `by`.
const TRIGGERS: [&str; 4] = ["name", "address", "either", "name-at-address"];

/// What stands before a way that is hindered beside the outcome.
const HINDERED: &str = ", hindered ";

/// What can be hindered, and how.
const HINDRANCES: Details = &[("quic", &["timeout"]), ("tls", &["reset", "timeout", "closed", "alert"])];

impl Expected {
    /// Whether a verdict, given as its words, is what was expected: `reachable, hindered quic timeout`.
    pub fn is_met_by(&self, verdict: &str) -> bool {
        let mut parts = verdict.split(HINDERED);
        let seen: Vec<&str> = parts.next().unwrap_or_default().split_whitespace().collect();
        let hindered: Vec<&str> = parts.collect();
        let is_met = |beginning: &Beginning| {
            let words = &beginning.words;
            let begins = words.len() <= seen.len() && words.iter().zip(&seen).all(|(one, two)| one == two);
            let is = |how: &str, seen: &str| {
                seen.strip_prefix(how).is_some_and(|rest| rest.is_empty() || rest.starts_with(" by "))
            };
            let says = beginning.hindered.as_ref().is_none_or(|how| hindered.iter().any(|seen| is(how, seen)));
            begins && says && (beginning.hindered.is_some() || hindered.is_empty())
        };
        self.0.iter().any(is_met)
    }
}

impl FromStr for Expected {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(" or ").map(beginning).collect::<Result<_, _>>().map(Self)
    }
}

fn beginning(text: &str) -> Result<Beginning, String> {
    let (text, hindered) = text.split_once(HINDERED).map_or((text, None), |(text, how)| (text, Some(how)));
    let hindered = hindered.map(how).transpose()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some((outcome, rest)) = words.split_first() else {
        return Err("an expected verdict is empty; write \"reachable\" or another outcome".to_owned());
    };
    let details = pick(outcome, &AFTER)?;
    let manners = rest.first().map(|word| pick(word, details)).transpose()?.unwrap_or_default();
    if let Some(word) = rest.get(1).filter(|word| !manners.contains(word)) {
        return Err(unknown(word, manners.iter().copied()));
    }
    match rest.get(2..).unwrap_or_default() {
        [] => {}
        ["by", trigger] if TRIGGERS.contains(trigger) => {}
        ["by", word] => return Err(unknown(word, TRIGGERS.into_iter())),
        [word, ..] => return Err(unknown(word, std::iter::empty())),
    }
    Ok(Beginning { words: words.into_iter().map(str::to_owned).collect(), hindered })
}

/// Layer and manner of what is hindered, and what that reacts to, if that is said.
fn how(text: &str) -> Result<String, String> {
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        [layer, manner] | [layer, manner, "by", "name" | "address"] => {
            pick(manner, &pick(layer, HINDRANCES)?.iter().map(|word| (*word, ())).collect::<Vec<_>>())?;
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "{text:?} does not say what is hindered; write layer and manner, such as \"quic timeout\", and perhaps \"by name\" or \"by address\""
        )),
    }
}

fn pick<T: Copy>(word: &str, choices: &[(&'static str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(choice, _)| *choice == word).map(|(_, after)| *after);
    found.ok_or_else(|| unknown(word, choices.iter().map(|(choice, _)| *choice)))
}

fn unknown(word: &str, choices: impl Iterator<Item = &'static str>) -> String {
    let choices: Vec<&str> = choices.collect();
    let what = if choices.is_empty() { "nothing".to_owned() } else { choices.join(", ") };
    format!("{word:?} is no word of an expected verdict; here may stand: {what}")
}

impl TryFrom<String> for Expected {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Expected> for String {
    fn from(expected: Expected) -> Self {
        expected.to_string()
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |beginning: &Beginning| {
            let hindered = beginning.hindered.as_ref().map(|how| format!("{HINDERED}{how}"));
            beginning.words.join(" ") + &hindered.unwrap_or_default()
        };
        let choices: Vec<String> = self.0.iter().map(text).collect();
        f.write_str(&choices.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_enough() {
        let expected = |text: &str| text.parse::<Expected>().unwrap();
        assert!(expected("blocked").is_met_by("blocked dns injected"));
        assert!(expected("blocked dns").is_met_by("blocked dns injected"));
        assert!(!expected("blocked dns injected").is_met_by("blocked dns"));
        assert!(!expected("reachable").is_met_by("blocked dns injected"));
        assert!(expected("inconclusive no-connectivity").is_met_by("inconclusive no-connectivity"));
    }

    #[test]
    fn what_is_hindered_must_be_expected() {
        let expected = |text: &str| text.parse::<Expected>().unwrap();
        let hindered = "reachable, hindered quic timeout";
        assert!(expected(hindered).is_met_by(hindered));
        assert!(!expected(hindered).is_met_by("reachable"));
        assert!(!expected("reachable").is_met_by(hindered));
        assert_eq!(expected(hindered).to_string(), hindered);
        let both = "blocked tls reset, hindered quic timeout";
        assert!(expected(both).is_met_by(both) && expected("blocked, hindered quic timeout").is_met_by(both));
        let by_name = "reachable, hindered quic timeout by name";
        assert!(expected(hindered).is_met_by(by_name) && expected(by_name).is_met_by(by_name));
        assert!(!expected(by_name).is_met_by(hindered));
        assert!("reachable, hindered quic timeout by chance".parse::<Expected>().unwrap_err().contains("by address"));
        assert!("reachable, hindered quic slowly".parse::<Expected>().unwrap_err().contains("timeout"));
    }

    #[test]
    fn what_a_block_reacts_to_may_be_expected() {
        let expected = |text: &str| text.parse::<Expected>().unwrap();
        let by_name = "blocked tls reset by name";
        assert!(expected(by_name).is_met_by(by_name) && expected("blocked tls reset").is_met_by(by_name));
        assert!(
            !expected(by_name).is_met_by("blocked tls reset")
                && !expected(by_name).is_met_by("blocked tls reset by address")
        );
        assert!("blocked tls reset by chance".parse::<Expected>().unwrap_err().contains("name-at-address"));
    }

    #[test]
    fn one_of_several_is_enough() {
        let expected: Expected = "reachable or inconclusive no-control".parse().unwrap();
        assert!(expected.is_met_by("reachable") && expected.is_met_by("inconclusive no-control"));
        assert!(!expected.is_met_by("inconclusive ambiguous") && !expected.is_met_by("blocked tcp timeout"));
        assert_eq!(expected.to_string(), "reachable or inconclusive no-control");
    }

    #[test]
    fn a_word_that_cannot_be_is_refused_with_those_that_can() {
        for (text, hint) in [
            ("", "reachable"),
            ("open", "inconclusive"),
            ("blocked tls rst", "intercepted"),
            ("blocked tls reset hard", "nothing"),
            ("down dns", "nothing"),
            ("inconclusive cut", "no-connectivity"),
        ] {
            let error = text.parse::<Expected>().unwrap_err();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}
