//! Every number of the reasoning in one place, as data; `README.md` prints it.
//!
//! Weights are 1000 * log10 of how much likelier the finding is if somebody meant it than if something broke.

use crate::weights::ln;

/// What was found, as far as it is weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    MostWorked,
    FewWorked,
    NothingWorked,
    ManyAtOnce,
    TwoAtOnce,
    Alone,
    ControlsFine,
    ManyAlike,
    TwoAlike,
    Forged,
    ByName,
}

/// A finding, what it weighs and why.
pub(crate) struct Row {
    pub(crate) finding: Finding,
    pub(crate) weight: i32,
    /// What the finding is, as the manual calls it. Only the manual's test reads it.
    #[cfg(test)]
    pub(crate) words: &'static str,
}

macro_rules! rows {
    ($($finding:ident = $weight:literal, $words:literal;)+) => {
        /// The findings. Where no count of past cases is known, the weight is our judgement, kept below what single cases
        /// suggest, because the signs are not independent of each other.
        pub(crate) const ROWS: &[Row] = &[$(Row {
            finding: Finding::$finding,
            weight: $weight,
            #[cfg(test)]
            words: $words,
        }),+];
    };
}

rows! {
    // A failing exchange or content network does it too, hence no more.
    MostWorked = 1000, "three other services or more worked, at least as many as were affected";
    FewWorked = 300, "fewer did";
    // A line that is cut takes everything with it; nobody orders that for one network only.
    NothingWorked = -1000, "none did, and three or more were affected";
    // Providers fail one at a time, unless what they share fails.
    ManyAtOnce = 700, "three networks or more began within 30 minutes of each other";
    TwoAtOnce = 300, "two did";
    Alone = -300, "one network alone, where three or more are measured";
    // Nothing is told of a service that controls do not reach, so it says little more.
    ControlsFine = 200, "controls reached all services affected";
    ManyAlike = 500, "three networks or more do it in the same manner, and at least half of them";
    TwoAlike = 200, "two do, and there are no others";
    // What is broken does not answer.
    Forged = 1000, "at least half of the measurements were answered by something made up";
    // A broken line does not read names.
    ByName = 1000, "where the name alone was changed, at least half of the times it worked";
}

/// What a finding weighs.
pub(crate) fn weight(finding: Finding) -> i32 {
    ROWS.iter().find(|row| row.finding == finding).map_or(0, |row| row.weight)
}

/// From this sum on, either way, something is concluded: ten times likelier. Our judgement.
pub(crate) const ENOUGH: i32 = 1000;

/// Of curated outages world-wide, in thousandths, those that began on a full or half hour: ordered by a government ...
pub(crate) const ORDERED_ON_THE_HOUR: u32 = 890;
/// ... and technical ones (on the full hour; those on the half hour were not counted).
pub(crate) const TECHNICAL_ON_THE_HOUR: u32 = 230;
/// Minutes between a full or half hour: what lies by chance within a bracket.
pub(crate) const HALF_AN_HOUR: i64 = 30;
/// Minutes that providers may take to carry out an order. Our judgement.
pub(crate) const CARRYING_OUT: i64 = 5;
/// Providers are late more often than this leeway allows, so a begin beside the hour says no more than this. Our judgement.
pub(crate) const BESIDE_THE_HOUR: i32 = -200;
/// Countries whose clocks are a quarter of an hour off: there the half hours of UTC are no half hours.
pub(crate) const QUARTERS: &[&str] = &["NP"];

/// What it weighs that a begin or end falls on a full or half hour, or does not, where by chance it would in `chance`
/// thousandths of cases.
pub(crate) fn on_the_hour(is_on: bool, chance: u32) -> i32 {
    let of = |share: u32| share + (1000 - share) * chance / 1000;
    let (ordered, technical) = (of(ORDERED_ON_THE_HOUR), of(TECHNICAL_ON_THE_HOUR));
    let ratio = if is_on { ln(ordered) - ln(technical) } else { ln(1000 - ordered) - ln(1000 - technical) };
    (ratio * 1000 / LN_10).max(BESIDE_THE_HOUR)
}

/// 1000 * ln(10).
const LN_10: i32 = 2303;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_bracket_says_little_about_the_hour() {
        assert_eq!(on_the_hour(true, 0), 587);
        assert_eq!(on_the_hour(true, 300), 301);
        assert_eq!(on_the_hour(true, 830), 52);
        assert_eq!(on_the_hour(false, 300), BESIDE_THE_HOUR);
    }

    /// Each row stands in the manual, word for word.
    #[test]
    fn the_manual_prints_the_table() {
        let manual = include_str!("../../README.md");
        for row in ROWS {
            let sign = if row.weight < 0 { "-" } else { "+" };
            let line =
                format!("| {} | {sign}{}.{} |", row.words, row.weight.abs() / 1000, row.weight.abs() % 1000 / 100);
            assert!(manual.contains(&line), "{line}");
        }
    }
}
