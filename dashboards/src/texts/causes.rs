//! Deliberate or fault, for people who have to repeat it. The sentences with the numbers are the detector's own.

use kedergi_detector::{Cause, Sign};

/// The conclusion as a label.
pub(crate) fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Deliberate => "probably deliberate",
        Cause::Fault => "probably a fault",
        Cause::Undecided => "deliberate or fault: undecided",
    }
}

/// What a sign is called.
pub(crate) fn sign(sign: Sign) -> &'static str {
    match sign {
        Sign::Selective => "Only some services",
        Sign::Simultaneous => "Together on several networks",
        Sign::Alone => "One network alone",
        Sign::OnTheHour => "On the hour",
        Sign::ControlsFine => "Fine from elsewhere",
        Sign::SameTechnique => "Done alike",
        Sign::Forged => "Made-up answers",
        Sign::ByName => "The name is the cause",
    }
}

/// Why it says anything.
pub(crate) fn why_it_tells(sign: Sign) -> &'static str {
    match sign {
        Sign::Selective => "What breaks takes everything on the line with it; an order names services.",
        Sign::Simultaneous => "Providers fail one at a time; an order reaches them together.",
        Sign::Alone => "A fault is mostly one provider’s own.",
        Sign::OnTheHour => {
            "Of known outages ordered by governments 89 % began on a full or half hour, of technical ones 23 % on the hour. \
             The less exactly a time is known, the less this says."
        }
        Sign::ControlsFine => "The service itself worked.",
        Sign::SameTechnique => "Different faults look different; one order, or one machine, looks alike.",
        Sign::Forged => "What is broken does not answer in somebody else’s name.",
        Sign::ByName => "A broken line does not read names.",
    }
}

/// `+1.0`: a true minus sign, and a digit after the point.
pub(crate) fn weight(thousandths: i32) -> String {
    let tenths = (thousandths.abs() + 50) / 100;
    let sign = match (tenths, thousandths < 0) {
        (0, _) => "",
        (_, true) => "\u{2212}",
        (_, false) => "+",
    };
    format!("{sign}{}.{}", tenths / 10, tenths % 10)
}

pub(crate) const CAUSE_HEADING: &str = "Deliberate or fault";
pub(crate) const CAUSE_INTRO: &str = "Each sign has a weight: +1 means that this is ten times likelier if somebody meant it, \
    −1 ten times likelier if something broke, 0 that it says nothing. A sum of +1 or more is called deliberate, −1 or less \
    a fault. The weight of the hour follows from a count of past outages; the others are our judgement. No sign tells who gave \
    an order.";
pub(crate) const NO_CAUSE: &str = "Nothing is concluded: see above why nobody was woken for this.";
pub(crate) const NO_CAUSE_YET: &str = "Nothing was concluded about this event.";
pub(crate) const SIGN: &str = "Sign";
pub(crate) const FOUND: &str = "What was found";
pub(crate) const WEIGHT: &str = "Weight";
pub(crate) const SUM: &str = "Sum";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_a_sign_and_one_digit() {
        assert_eq!([1000, 345, 20, -200, -1049].map(weight).join(" "), "+1.0 +0.3 0.0 \u{2212}0.2 \u{2212}1.0");
    }
}
