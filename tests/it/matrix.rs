//! What was expected against what was seen, by outcome and layer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kedergi_lab::Check;

/// How often each was seen where each was expected.
#[derive(Debug, Default)]
pub(crate) struct Matrix(BTreeMap<(String, String), usize>);

impl Matrix {
    pub(crate) fn count(&mut self, check: &Check) {
        let seen = class(&check.seen);
        // Where a scene leaves the choice between several, or the layer open, what was seen is what was expected.
        let expected = if check.met { seen.clone() } else { class(&check.expected.to_string()) };
        *self.0.entry((expected, seen)).or_default() += 1;
    }

    /// Checks whose outcome and layer were right, and all.
    pub(crate) fn right(&self) -> (usize, usize) {
        let right = self.0.iter().filter(|((expected, seen), _)| expected == seen);
        (right.map(|(_, count)| count).sum(), self.0.values().sum())
    }
}

/// The outcome of a verdict in words, with the layer where there is one.
fn class(words: &str) -> String {
    let mut words = words.split([' ', ',']);
    match (words.next().unwrap_or_default(), words.next()) {
        (outcome @ "blocked", Some(layer)) => format!("{outcome} {layer}"),
        (outcome, _) => outcome.to_owned(),
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let classes: BTreeSet<&String> = self.0.keys().flat_map(|(expected, seen)| [expected, seen]).collect();
        let width = classes.iter().map(|class| class.len()).max().unwrap_or(0).max("EXPECTED".len());
        write!(f, "{:width$}", "EXPECTED")?;
        classes.iter().try_for_each(|class| write!(f, "  {class:>12}"))?;
        writeln!(f, "  (seen)")?;
        for expected in &classes {
            write!(f, "{expected:width$}")?;
            for seen in &classes {
                let count = self.0.get(&((*expected).clone(), (*seen).clone())).copied().unwrap_or(0);
                write!(f, "  {:>12}", if count == 0 { "-".to_owned() } else { count.to_string() })?;
            }
            writeln!(f)?;
        }
        let (right, all) = self.right();
        write!(f, "{right} of {all} right in outcome and layer")
    }
}

#[test]
fn a_verdict_is_counted_by_outcome_and_layer() {
    let check = |expected: &str, seen: &str, met| Check {
        vantage: "isp-a-probe-1".to_owned(),
        isp: kedergi_lab::Isp::A,
        target: "https://a.example/".to_owned(),
        expected: expected.parse().unwrap(),
        seen: seen.to_owned(),
        met,
        evidence: Vec::new(),
    };
    let mut matrix = Matrix::default();
    matrix.count(&check("blocked tls", "blocked tls reset", true));
    matrix.count(&check("reachable or inconclusive", "inconclusive ambiguous", true));
    matrix.count(&check("reachable", "blocked dns bogon", false));
    assert_eq!(matrix.right(), (2, 3));
    insta::assert_snapshot!(matrix);
}
