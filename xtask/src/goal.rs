//! A figure beside what it is to be.

use crate::picture::figure;

/// A line of the page.
pub(crate) struct Goal {
    what: String,
    against: String,
    limit: Limit,
    /// Nothing if it was not measured, which is no goal that was reached.
    measured: Option<f64>,
}

/// What a figure has to be, and what it shall be.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    /// So many times as fast as another one.
    AtLeast(f64, f64),
    /// So many of a unit.
    AtMost(f64, f64, &'static str),
    /// It is told, so that nobody takes a goal beside it for more than it is.
    Told(&'static str),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Aim,
    Reached,
    Missed,
    Told,
}

impl Goal {
    pub(crate) fn new(
        what: impl Into<String>,
        against: &str,
        limit: Limit,
        measured: Option<f64>,
    ) -> Self {
        Self {
            what: what.into(),
            against: against.to_owned(),
            limit,
            measured,
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let (is_reached, is_aim) = match (self.limit, self.measured) {
            (_, None) => (false, false),
            (Limit::Told(_), Some(_)) => return Verdict::Told,
            (Limit::AtLeast(least, aim), Some(figure)) => (least <= figure, aim <= figure),
            (Limit::AtMost(most, aim, _), Some(figure)) => (figure <= most, figure <= aim),
        };
        match (is_reached, is_aim) {
            (true, true) => Verdict::Aim,
            (true, false) => Verdict::Reached,
            (false, _) => Verdict::Missed,
        }
    }

    pub(crate) fn line(&self) -> String {
        let Self { what, against, .. } = self;
        let (goal, aim, unit) = match self.limit {
            Limit::AtLeast(least, aim) => (format!("≥ {}", figure(least)), figure(aim), "times"),
            Limit::AtMost(most, aim, unit) => (format!("≤ {}", figure(most)), figure(aim), unit),
            Limit::Told(unit) => ("–".to_owned(), "–".to_owned(), unit),
        };
        let measured = match self.measured {
            // A goal that is just missed must not look like one that is just reached.
            Some(number) if number < 10.0 => format!("{number:.2} {unit}"),
            Some(number) if number < 1000.0 => format!("{number:.1} {unit}"),
            Some(number) => format!("{} {unit}", figure(number)),
            None => "not measured".to_owned(),
        };
        let verdict = match self.verdict() {
            Verdict::Aim => "aim",
            Verdict::Reached => "reached",
            Verdict::Missed => "**missed**",
            Verdict::Told => "",
        };
        format!("| {what} | {against} | {goal} | {aim} | {measured} | {verdict} |\n")
    }
}

#[cfg(test)]
mod tests {
    use super::{Goal, Limit, Verdict};

    fn goal(limit: Limit, measured: Option<f64>) -> Goal {
        Goal::new("a", "b", limit, measured)
    }

    #[test]
    fn a_figure_is_held_to_its_goal_and_its_aim() {
        let ratio = |figure| goal(Limit::AtLeast(1.5, 4.0), figure);
        assert_eq!(ratio(Some(4.0)).verdict(), Verdict::Aim);
        assert_eq!(ratio(Some(1.5)).verdict(), Verdict::Reached);
        assert_eq!(ratio(Some(1.49)).verdict(), Verdict::Missed);
        assert_eq!(ratio(None).verdict(), Verdict::Missed);
        let cost = |figure| goal(Limit::AtMost(10.0, 4.0, "ns"), figure);
        assert_eq!(cost(Some(4.0)).verdict(), Verdict::Aim);
        assert_eq!(cost(Some(10.0)).verdict(), Verdict::Reached);
        assert_eq!(cost(Some(10.1)).verdict(), Verdict::Missed);
        assert_eq!(
            cost(Some(3.456)).line(),
            "| a | b | ≤ 10 | 4.0 | 3.46 ns | aim |\n"
        );
        assert_eq!(
            cost(Some(10.3)).line(),
            "| a | b | ≤ 10 | 4.0 | 10.3 ns | **missed** |\n"
        );
        assert_eq!(
            ratio(None).line(),
            "| a | b | ≥ 1.5 | 4.0 | not measured | **missed** |\n"
        );
    }
}
