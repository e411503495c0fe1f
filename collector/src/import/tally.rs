//! What was read, and what was not taken and why.

use std::collections::BTreeMap;
use std::fmt;

/// Places named for each reason: enough to find out what is wrong.
const NAMED: usize = 5;

/// Counts of a file's lines.
#[derive(Debug, Default)]
pub(super) struct Tally {
    name: String,
    unit: &'static str,
    read: u64,
    taken: u64,
    left: BTreeMap<String, Left>,
    /// Things to know of the file as a whole.
    remarks: Vec<String>,
}

/// What was not taken for one reason.
#[derive(Debug, Default)]
struct Left {
    count: u64,
    places: Vec<u64>,
}

impl Tally {
    /// Of a file, counted in `unit`, such as `row`.
    pub(super) fn of(name: impl fmt::Display, unit: &'static str) -> Self {
        Self { name: name.to_string(), unit, ..Self::default() }
    }

    pub(super) fn took(&mut self) {
        self.read += 1;
        self.taken += 1;
    }

    /// Something in this line was not taken.
    pub(super) fn left(&mut self, reason: impl fmt::Display, line: u64) {
        self.read += 1;
        let left = self.left.entry(reason.to_string()).or_default();
        left.count += 1;
        if left.places.len() < NAMED {
            left.places.push(line);
        }
    }

    /// Reading failed behind so many lines. What was read before counts; where that is nothing the file cannot be used.
    pub(super) fn broke_off(&mut self, line: u64, error: std::io::Error) -> std::io::Result<()> {
        if self.read == 0 {
            return Err(error);
        }
        self.remark(format!("it breaks off after line {line}: {error}"));
        Ok(())
    }

    pub(super) fn remark(&mut self, remark: String) {
        self.remarks.push(remark);
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) fn refused(&self) -> u64 {
        self.left.values().map(|left| left.count).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, unit, read, taken, .. } = self;
        writeln!(f, "{name}: {read} {unit}{}, {taken} taken", if *read == 1 { "" } else { "s" })?;
        for (reason, Left { count, places }) in &self.left {
            let places: Vec<_> = places.iter().map(ToString::to_string).collect();
            let (lines, more) = (places.join(", "), *count > NAMED as u64);
            let word = if *count == 1 { "line" } else { "lines" };
            writeln!(f, "  {count} not taken: {reason} ({word} {lines}{})", if more { ", ..." } else { "" })?;
        }
        self.remarks.iter().try_for_each(|remark| writeln!(f, "  {remark}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_and_the_first_places_named() {
        let mut tally = Tally::of("a.csv", "row");
        (0..3).for_each(|_| tally.took());
        (2..9).for_each(|line| tally.left("the time is not RFC 3339", line));
        tally.left("no layer was judged", 12);
        tally.remark("columns not used: colour".to_owned());
        insta::assert_snapshot!(tally, @r"
        a.csv: 11 rows, 3 taken
          1 not taken: no layer was judged (line 12)
          7 not taken: the time is not RFC 3339 (lines 2, 3, 4, 5, 6, ...)
          columns not used: colour
        ");
    }
}
